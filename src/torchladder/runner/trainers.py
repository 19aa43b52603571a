"""Trainers of other libraries as programs: what they are, and how one is started in a copy of the process."""

import math
from dataclasses import dataclass
from typing import Any

LONG = 1_000_000  # epochs of a run that is ended from outside, where the length of one is not known
ENOUGH = 1_000  # steps, more than an experiment on one batch takes


@dataclass
class Fit:
    """A trainer with the objects its ``fit`` or ``train`` is given."""

    trainer: Any
    model: Any = None
    datamodule: Any = None
    train_loader: Any = None
    val_loader: Any = None


def is_lightning(trainer: Any) -> bool:
    """Tell whether this is Lightning's Trainer, under either of its package names."""
    homes = {c.__module__.partition(".")[0] for c in type(trainer).__mro__}
    return bool(homes & {"lightning", "pytorch_lightning"})


def train(fit: Fit, *, endless: bool) -> None:
    """Run the trainer as the user would; a run that is ended from outside gets ``ENOUGH`` steps."""
    trainer = fit.trainer
    if not is_lightning(trainer):
        if endless:
            _lengthen(trainer)
        trainer.train()
        return
    _extend(fit, endless=endless)
    options = {"datamodule": fit.datamodule} if fit.datamodule is not None else {}
    loaders = [x for x in (fit.train_loader, fit.val_loader) if x is not None]
    trainer.fit(fit.model, *loaders, **options)


def _extend(fit: Fit, *, endless: bool) -> None:
    """Let a trainer of Lightning that has trained before train as long once more."""
    trainer, loop = fit.trainer, fit.trainer.fit_loop
    epochs, steps = loop.max_epochs, loop.epoch_loop.max_steps
    if endless and epochs not in {None, -1}:
        length = _length(fit.train_loader)
        epochs = max(epochs, -(-ENOUGH // length)) if length else LONG
    if endless and steps not in {None, -1}:
        steps = max(steps, ENOUGH)
    done = loop.epoch_progress.current.processed
    loop.max_epochs = epochs + done if epochs not in {None, -1} else epochs
    loop.epoch_loop.max_steps = steps + trainer.global_step if steps not in {None, -1} else steps


def _lengthen(trainer: Any) -> None:
    """Give a trainer of Transformers more epochs, and its schedule with them, where it was to take few steps."""
    plan = getattr(trainer, "args", None)
    size = _length(getattr(trainer, "train_dataset", None))
    if plan is None or not hasattr(plan, "num_train_epochs"):
        return
    if plan.max_steps > 0:
        plan.max_steps = max(plan.max_steps, ENOUGH)
    elif size:
        wanted = ENOUGH * plan.train_batch_size * plan.gradient_accumulation_steps / size
        plan.num_train_epochs = max(plan.num_train_epochs, math.ceil(wanted))


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except TypeError:
        return None


def optimizers_of(trainer: Any) -> list[Any]:
    """Return the optimizers a trainer was made with."""
    found = getattr(trainer, "optimizer", None)
    return [found] if found is not None else []
