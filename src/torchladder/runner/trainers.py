"""Trainers of other libraries as programs: what they are, and how one is started in a copy of the process."""

from dataclasses import dataclass
from typing import Any

LONG = 1_000_000  # epochs or steps of a run that is ended from outside


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
    """Run the trainer as the user would; an endless run has no last epoch."""
    if not is_lightning(fit.trainer):
        if endless:
            _never_ending(fit.trainer)
        fit.trainer.train()
        return
    _extend(fit.trainer, endless=endless)
    options = {"datamodule": fit.datamodule} if fit.datamodule is not None else {}
    loaders = [x for x in (fit.train_loader, fit.val_loader) if x is not None]
    fit.trainer.fit(fit.model, *loaders, **options)


def _extend(trainer: Any, *, endless: bool) -> None:
    """Let a trainer that has trained before train as long once more."""
    loop = trainer.fit_loop
    done = loop.epoch_progress.current.processed
    if endless:
        loop.max_epochs = LONG
        loop.epoch_loop.max_steps = -1
    elif done and loop.max_epochs not in {None, -1}:
        loop.max_epochs += done
        if loop.epoch_loop.max_steps not in {None, -1}:
            loop.epoch_loop.max_steps += trainer.global_step


def _never_ending(trainer: Any) -> None:
    """Take the last epoch from a trainer of Transformers; its schedule stays as long as it was meant to be."""
    arguments = getattr(trainer, "args", None)
    if not hasattr(arguments, "num_train_epochs") or not hasattr(trainer, "create_scheduler"):
        return
    create, planned = trainer.create_scheduler, {}

    def create_scheduler(num_training_steps: int, *args: Any, **options: Any) -> Any:
        factor = planned.get("factor", 1)
        return create(max(1, num_training_steps // factor), *args, **options)

    epochs = max(float(arguments.num_train_epochs), 1e-3)
    planned["factor"] = max(1, round(LONG / epochs)) if arguments.max_steps <= 0 else 1
    if arguments.max_steps > 0:
        steps = arguments.max_steps
        trainer.create_scheduler = lambda _steps, *args, **options: create(steps, *args, **options)
        arguments.max_steps = LONG
    else:
        trainer.create_scheduler = create_scheduler
        arguments.num_train_epochs = LONG


def optimizers_of(trainer: Any) -> list[Any]:
    """Return the optimizers a trainer was made with."""
    found = getattr(trainer, "optimizer", None)
    return [found] if found is not None else []
