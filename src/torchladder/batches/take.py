"""One batch from a program, from a loader that a function of the user's makes, or from data as it lies on disk."""

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchladder.batches.contract import kind_of
from torchladder.core.batch_facts import BatchFact
from torchladder.core.errors import ProgramError, UsageError
from torchladder.data.small import same_size
from torchladder.inspection.labels import named
from torchladder.ladder.pictures import Batch
from torchladder.probes.picture import ROWS, extent, thinned, told_by
from torchladder.sets.block import Array, Block, Kind
from torchladder.sets.objects import array, item_of, made_by
from torchladder.sets.source import Source

NAMES_MAX = 1000
SUMMED = 20_000  # rows of a table that its summary is made of


@dataclass(frozen=True)
class Taken:
    """A batch, its figures, and sentences about how it was taken."""

    batch: Batch
    fact: BatchFact
    told: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


def of_loader(spec: str) -> Taken:
    """Return the first batch of a loader.

    Raises:
        UsageError: If there is no such function, or what it gives is no loader of batches of tensors.
        ProgramError: If the user's code raises.
    """
    made = made_by(spec, os.getcwd())  # noqa: PTH109
    loader = made[0] if isinstance(made, tuple | list) and made else made
    loader = next(iter(made.values())) if isinstance(made, Mapping) and made else loader
    told = ["several loaders: the first was taken"] if loader is not made else []
    if not hasattr(loader, "collate_fn") and hasattr(loader, "__getitem__") and hasattr(loader, "__len__"):
        told.append("a data set: its first samples were put together as a DataLoader does")
        loader = torch.utils.data.DataLoader(loader, batch_size=ROWS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            first = next(iter(loader), None)
    except TypeError as error:
        msg = f"{spec} gives {type(loader).__name__}, which cannot be iterated: {error}"
        raise UsageError(msg) from error
    except Exception as error:
        msg = f"the first batch of {spec} failed: {type(error).__name__}: {error}"
        raise ProgramError(msg) from error
    if first is None:
        msg = f"{spec} gives a loader without batches"
        raise UsageError(msg)
    item = item_of(first)
    try:
        x, y = tensor(item.x), tensor(item.y) if item.y is not None else None
    except (TypeError, ValueError) as error:
        msg = f"a batch of {spec} is {type(first).__name__} without a tensor of inputs"
        raise UsageError(msg) from error
    return taken(x, y, loader, told)


def tensor(value: Any) -> torch.Tensor:
    """Return the first tensor of a nested value."""
    if isinstance(value, Mapping):
        value = next(iter(value.values()))
    if isinstance(value, list | tuple) and value and not isinstance(value[0], bool | int | float):
        value = value[0]
    found = value if isinstance(value, torch.Tensor) else torch.as_tensor(array(value))
    if not found.dim():
        found = found[None]
    return found


def taken(x: torch.Tensor, y: torch.Tensor | None, loader: Any, told: list[str]) -> Taken:
    """Return tensors as a batch with its figures."""
    kept = thinned(x)
    if kept is None:
        msg = f"a batch of {list(x.shape)} is too large to be shown"
        raise UsageError(msg)
    words = told_by(loader, kept)
    extents = {k: v for k, v in {**extent(x), **words}.items() if k != "texts"}
    names = class_names(getattr(loader, "dataset", None))
    dtype = str(x.dtype).removeprefix("torch.")
    shown = thinned(y) if y is not None and y.dim() and y.shape[0] == x.shape[0] else None
    texts = tuple(str(t) for t in words.get("texts", ()))
    batch = Batch(kept, shown, tuple(x.shape), dtype, names, extents, texts, "One batch of the loader", "the targets")
    return Taken(batch, fact_of(x, y, names), tuple(told))


def fact_of(x: torch.Tensor, y: torch.Tensor | None, names: tuple[str, ...]) -> BatchFact:
    """Return the figures of a batch."""
    dtype = str(x.dtype).removeprefix("torch.")
    numbers = x.detach().double().reshape(-1) if not x.is_complex() else torch.zeros(0)
    finite = numbers[torch.isfinite(numbers)]
    low, high, mean, std = (
        (float(finite.min()), float(finite.max()), float(finite.mean()), float(finite.std(correction=0)))
        if len(finite)
        else (None,) * 4
    )
    target: dict[str, Any] = {}
    if y is not None:
        flat = y.detach().reshape(-1)
        values = flat.double()
        whole = bool(torch.isfinite(values).all() and (values == values.round()).all())
        target = {
            "y_shape": tuple(y.shape),
            "y_dtype": str(y.dtype).removeprefix("torch."),
            "y_whole": whole,
            "y_values": len(torch.unique(values)),
        }
    lost = len(numbers) - len(finite)
    shape = tuple(x.shape)
    return BatchFact(shape, dtype, kind_of(shape, dtype), low, high, mean, std, lost, named=bool(names), **target)


def class_names(data: Any) -> tuple[str, ...]:
    """Return the names a data set such as ImageFolder gives its classes."""
    for _ in range(3):  # subsets of subsets
        names = getattr(data, "classes", None)
        if isinstance(names, list | tuple) and len(names) <= NAMES_MAX and all(isinstance(n, str) for n in names):
            return tuple(n[:40] for n in names)
        data = getattr(data, "dataset", None)
    return ()


def of_data(source: Source) -> Taken:
    """Return samples from all over a data set, as they lie on disk.

    Raises:
        UsageError: If none can be read.
    """
    blocks = _spread(source, ROWS)
    if not blocks:
        msg = f"no sample of {source.name} can be read"
        raise UsageError(msg)
    told = (f"{source.name} as it lies on disk: no transform of a program has been applied", *source.told)
    labels, names = _labels(blocks)
    if source.kind is Kind.IMAGES:
        pictures = [p for b in blocks for p in b.images][:ROWS]
        sizes = {p.shape for p in pictures}
        x = np.moveaxis(np.stack(pictures) if len(sizes) == 1 else same_size(pictures), -1, 1)
        told += (f"{len(sizes)} sizes among them, drawn at one",) if len(sizes) > 1 else ()
    elif source.kind is Kind.TABLE:
        numbers = [n for n, v in blocks[0].columns.items() if v.dtype.kind in "fiub"]
        x = np.concatenate([
            np.stack([b.columns[n].astype(np.float64) for n in numbers], 1) for b in blocks if numbers
        ])[:ROWS]
    elif source.kind is Kind.TEXT:
        x = np.zeros((len([t for b in blocks for t in b.texts][:ROWS]), 2), dtype=np.int64)
    else:
        x = np.concatenate([b.arrays for b in blocks if b.arrays is not None])[:ROWS]
        x = x if x.ndim > 1 else x[:, None]
    found = taken(torch.as_tensor(np.ascontiguousarray(x)), None, None, list(told))
    shape = (source.rows or len(x), *x.shape[1:])
    texts = tuple(t for b in blocks for t in b.texts)[:ROWS]
    y = labels[: len(found.batch.x)] if labels is not None else None
    extents, dtype = found.batch.extents, found.batch.dtype
    batch = Batch(found.batch.x, y, shape, dtype, names, extents, texts, "Samples of data", "the labels")
    table = _spread(source, SUMMED) if source.kind is Kind.TABLE else blocks
    return Taken(batch, found.fact, found.told, tuple(blocks[0].columns), tuple(table))


def _spread(source: Source, n: int) -> list[Block]:
    """Return blocks with ``n`` samples from all over a source."""
    from torchladder.sets.sampled import Sampled

    few = Sampled(source, n)
    return [b for start, stop in few.shards(n) for b in few.blocks(start, stop) if len(b)]


def _labels(blocks: list[Block]) -> tuple[Array | None, tuple[str, ...]]:
    """Return labels as numbers, and the names of those that are words."""
    given = [b.labels for b in blocks]
    if any(v is None for v in given):
        return None, ()
    values = np.concatenate([v.astype(object) if v is not None and v.dtype.kind == "O" else v for v in given])
    if values.dtype.kind in "biuf":
        return values, ()
    words, numbers = np.unique(named(values), return_inverse=True)
    return numbers, tuple(str(w) for w in words)
