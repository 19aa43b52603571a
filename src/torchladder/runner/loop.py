"""The plain loop that trains live objects: epochs of forward, loss, backward, step, then an evaluation.

The lines of this file are ours, never the user's: what is found in the loop is shown at the user's call.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

# Where data sets and tokenizers put what the model should answer.
TARGETS = ("labels", "label", "targets", "target", "y")
# Schedulers that are written to be stepped after every batch.
BY_BATCH = {"OneCycleLR", "CyclicLR"}
LEAST_EPOCHS = 10
LEAST_STEPS = 600  # without a schedule, an observation of few batches is repeated until as many steps were seen
MOST_BATCHES = 256  # kept of an iterator that can be walked once only


@dataclass
class Objects:
    """What the user has: the parts of a training loop.

    Attributes:
        step: Called with (model, batch), returns the loss; stands in for forward and ``loss_fn``.
        epochs: How many to train; None for ``LEAST_EPOCHS``.
    """

    model: Any
    optimizer: Any
    train_loader: Any
    val_loader: Any = None
    loss_fn: Any = None
    step: Any = None
    scheduler: Any = None
    epochs: int | None = None


def train(parts: Objects, *, endless: bool, one_epoch: bool = False) -> None:
    """Train.

    Args:
        parts: What to train with.
        endless: Whether to go on until stopped from outside.
        one_epoch: Whether the first epoch never ends, so that no schedule moves on.
    """
    train_loader, val_loader = _walkable(parts.train_loader), _walkable(parts.val_loader)
    steps = 0
    for epoch in count(1):
        if hasattr(parts.model, "train"):
            parts.model.train()
        before = steps
        for batch in _again_and_again(train_loader) if one_epoch else train_loader:
            _one_step(parts, batch)
            steps += 1
        score = _evaluate(parts, val_loader) if val_loader is not None else None
        if steps == before:
            return  # an empty loader stays empty
        _schedule(parts.scheduler, score)
        open_ended = parts.epochs is None and parts.scheduler is None
        enough = not open_ended or steps >= LEAST_STEPS
        if not endless and epoch >= (parts.epochs or LEAST_EPOCHS) and enough:
            return


def _one_step(parts: Objects, batch: Any) -> None:
    import torch

    optimizer, batch = parts.optimizer, _moved(batch, parts.model)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of(parts, batch)
        loss.backward()
        return loss

    if isinstance(optimizer, torch.optim.LBFGS):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    else:
        closure()
        optimizer.step()
    if type(parts.scheduler).__name__ in BY_BATCH and not _is_over(parts.scheduler):
        parts.scheduler.step()


def loss_of(parts: Objects, batch: Any) -> Any:
    """Return the loss of one batch.

    Raises:
        TypeError: If there is no telling how a loss is to be had.
    """
    import torch

    if parts.step is not None:
        loss = parts.step(parts.model, batch)
    elif isinstance(batch, Mapping):
        loss = _of_mapping(parts, batch)
    elif parts.loss_fn is None:
        loss = _own_loss(parts.model(*batch) if isinstance(batch, (tuple, list)) else parts.model(batch))
    elif isinstance(batch, (tuple, list)) and len(batch) > 1:
        *inputs, target = batch
        loss = parts.loss_fn(parts.model(*inputs), target)
    else:  # a data set without targets: an autoencoder
        (only,) = batch if isinstance(batch, (tuple, list)) else (batch,)
        loss = parts.loss_fn(parts.model(only), only)
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        msg = f"the loss of a batch is {what}; one number is needed"
        raise TypeError(msg)
    return loss


def _of_mapping(parts: Objects, batch: Mapping[str, Any]) -> Any:
    if parts.loss_fn is None:
        return _own_loss(parts.model(**batch))
    key = next((name for name in TARGETS if name in batch), None)
    if key is None:
        msg = f"no target among the batch's keys ({', '.join(map(str, batch))}); give `step=`, called as (model, batch)"
        raise TypeError(msg)
    return parts.loss_fn(parts.model(**{k: v for k, v in batch.items() if k != key}), batch[key])


def _own_loss(output: Any) -> Any:
    """Return the loss that a model computed itself.

    Raises:
        TypeError: If it did not.
    """
    import torch

    if isinstance(output, torch.Tensor) and output.numel() == 1:
        return output
    loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
    if loss is None:
        msg = "the model returns no loss; give `loss_fn=`, called as (output, target), or `step=`, as (model, batch)"
        raise TypeError(msg)
    return loss


def _evaluate(parts: Objects, loader: Iterable[Any]) -> float | None:
    """Return the mean loss over a loader, None when it is empty."""
    import torch

    if hasattr(parts.model, "eval"):
        parts.model.eval()
    losses = []
    with torch.no_grad():
        losses = [float(loss_of(parts, _moved(batch, parts.model))) for batch in loader]
    return sum(losses) / len(losses) if losses else None


def _schedule(scheduler: Any, score: float | None) -> None:
    """Step a scheduler at the end of an epoch."""
    if scheduler is None or type(scheduler).__name__ in BY_BATCH:
        return
    if type(scheduler).__name__ != "ReduceLROnPlateau":
        scheduler.step()
    elif score is not None and math.isfinite(score):
        scheduler.step(score)


def _is_over(scheduler: Any) -> bool:
    """Tell whether a schedule of a fixed length has been walked to its end."""
    total = getattr(scheduler, "total_steps", None)
    return total is not None and scheduler.last_epoch >= total - 1


def _again_and_again(loader: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches of one epoch after another, as if it were one."""
    empty = False
    while not empty:
        empty = True
        for batch in loader:
            empty = False
            yield batch


def _walkable(loader: Any) -> Any:
    """Return what can be walked again and again; of an iterator, the batches it still holds."""
    return list(islice(loader, MOST_BATCHES)) if isinstance(loader, Iterator) else loader


def _moved(value: Any, model: Any) -> Any:
    """Return a batch on the model's device."""
    first = next(iter(model.parameters()), None) if hasattr(model, "parameters") else None
    return value if first is None else _on(value, first.device)


def _on(value: Any, device: Any) -> Any:
    if hasattr(value, "to") and hasattr(value, "device"):
        return value if value.device == device else value.to(device)
    if isinstance(value, Mapping):
        moved = {k: _on(v, device) for k, v in value.items()}
        kind: Any = type(value)
        return moved if isinstance(value, dict) else kind(moved)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_on(v, device) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_on(v, device) for v in value)
    return value
