"""``torchladder.climb``: one function for programs on disk, live objects and trainers of other libraries."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torchladder.core.errors import UsageError
from torchladder.core.report import Report
from torchladder.ladder.climb import TOP
from torchladder.ladder.climb import climb as climb_target
from torchladder.runner import objects, trainers
from torchladder.runner.children import ATTACH
from torchladder.runner.loop import Objects
from torchladder.runner.preload import preload
from torchladder.runner.target import Target, resolve

if TYPE_CHECKING:
    from torchladder.live.shown import ShownReport


def climb(  # noqa: PLR0913 - the parts of a training loop, each by name
    program: "Target | str | os.PathLike[str] | None" = None,
    argv: Sequence[str] = (),
    *,
    model: Any = None,
    optimizer: Any = None,
    loss_fn: Any = None,
    train_loader: Any = None,
    val_loader: Any = None,
    scheduler: Any = None,
    step: Callable[[Any, Any], Any] | None = None,
    epochs: int | None = None,
    trainer: Any = None,
    datamodule: Any = None,
    to: int = TOP,
    budget: float = 300.0,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[str, bytes], None] | None = None,
) -> "ShownReport":
    """Climb the ladder with a program, with live objects, or with a trainer.

    Live objects are trained in copies of this process, by a plain loop: zero_grad, forward, ``loss_fn(output,
    target)``, backward, step; after each epoch an evaluation in evaluation mode without gradients. Here they
    stay bit for bit as they are.

    Args:
        program: A script or notebook to run as it is, or a resolved target.
        argv: The program's own arguments.
        model: The module to train.
        optimizer: Its optimizer.
        loss_fn: Called as (output, target); None where the model returns a loss of its own.
        train_loader: Iterable of batches: (x, y), (x1, x2, ..., y), a dict, or x alone to be reproduced.
        val_loader: The same for the evaluation.
        scheduler: Stepped after each epoch; OneCycleLR and CyclicLR after each batch.
        step: Called as (model, batch), returns the loss; stands in for the forward pass and ``loss_fn``.
        epochs: How long to observe; by default ten epochs, and more of few batches.
        trainer: A Trainer of Lightning (with ``model``, and loaders or ``datamodule``) or of Transformers.
        datamodule: Lightning's, for ``trainer.fit``.
        to: The last rung to climb.
        budget: Wall seconds for all experiments together.
        select: Codes (or prefixes, or names) of rules to use; all when empty.
        ignore: Codes (or prefixes, or names) of rules to leave out.
        progress: Called with a short sentence whenever something new begins.
        keep: Called with the name and the bytes of each picture of the report; none is drawn without it.

    Returns:
        The report; print it, or let a notebook show it.

    Raises:
        UsageError: If there is nothing to climb with, or it is called inside an experiment.
    """
    if ATTACH in os.environ:
        msg = "torchladder.climb was called by a program that is itself being climbed"
        raise UsageError(msg)
    options: dict[str, Any] = {
        "to": to, "budget": budget, "select": select, "ignore": ignore, "progress": progress, "keep": keep,
    }  # fmt: skip
    given = {
        "model": model, "optimizer": optimizer, "loss_fn": loss_fn, "train_loader": train_loader, "step": step,
        "scheduler": scheduler, "trainer": trainer, "datamodule": datamodule, "val_loader": val_loader,
    }  # fmt: skip
    if program is not None:
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            msg = f"climb a program or objects, not both: {extra[0]}= was given beside {program}"
            raise UsageError(msg)
        target = program if isinstance(program, Target) else resolve(os.fspath(program), list(argv))
        return _shown(climb_target(target, **options))
    if trainer is not None:
        parts = _fit(trainer, model, datamodule, train_loader, val_loader)
        return _climb_live(_kind(trainer) if model is None else f"{_kind(trainer)} of {_kind(model)}", parts, options)
    _check(given)
    loop = Objects(model, optimizer, train_loader, val_loader, loss_fn, step, scheduler, epochs)
    return _climb_live(f"{_kind(model)} with {_kind(optimizer)}", loop, options)


def _climb_live(name: str, parts: "Objects | trainers.Fit", options: dict[str, Any]) -> "ShownReport":
    target = objects.register(name, parts)
    try:
        with objects.generators_as_they_were():
            preload(target)  # some libraries draw numbers when they are imported
        with objects.generators_as_they_were():
            report = climb_target(target, **options)
    finally:
        objects.forget(target)
    return _shown(dataclasses.replace(report, next=_next(report)))


def _shown(report: Report) -> "ShownReport":
    with objects.generators_as_they_were():  # rich draws a number when it is imported
        from torchladder.live.shown import shown

    return shown(report)


def _next(report: Report) -> str:
    """Return what to do now; there is no command to type."""
    if report.cause is None:
        return "train on" if report.verdict == "healthy" else "climb again with what is missing, or with more budget"
    where = f"repair {report.cause.where[0]}, then " if report.cause.where else "repair it, then "
    return f"{where}make the objects anew and climb again"


def _check(given: dict[str, Any]) -> None:
    """Say what is missing for a loop.

    Raises:
        UsageError: If a part is not there, or is not what it is called.
    """
    if not any(value is not None for value in given.values()):
        msg = "name a program, as in climb('train.py'), or give model=, optimizer=, loss_fn= and train_loader="
        raise UsageError(msg)
    for name in ("model", "optimizer", "train_loader"):
        if given[name] is None:
            msg = f"{name}= is missing; live objects need model=, optimizer= and train_loader="
            raise UsageError(msg)
    if not callable(given["model"]) or not hasattr(given["optimizer"], "param_groups"):
        name = "optimizer" if callable(given["model"]) else "model"
        msg = f"{name}= is a {_kind(given[name])}, which is none"
        raise UsageError(msg)
    if given["step"] is not None and given["loss_fn"] is not None:
        msg = "give loss_fn= or step=, not both"
        raise UsageError(msg)


def _fit(trainer: Any, model: Any, datamodule: Any, train_loader: Any, val_loader: Any) -> trainers.Fit:
    """Return a trainer with its objects.

    Raises:
        UsageError: If it is no trainer that is known, or has no model.
    """
    if trainers.is_lightning(trainer):
        if model is None:
            msg = "trainer= is Lightning's; give it its module too: climb(trainer=..., model=...)"
            raise UsageError(msg)
    elif not callable(getattr(trainer, "train", None)):
        msg = f"trainer= is a {_kind(trainer)}; one of Lightning, Transformers or alike, with train(), is needed"
        raise UsageError(msg)
    return trainers.Fit(trainer, model, datamodule, train_loader, val_loader)


def _kind(value: Any) -> str:
    return type(value).__name__
