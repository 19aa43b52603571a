"""Samples read again: twice, by workers, and without their transform."""

import dataclasses
from typing import Any

import numpy as np
import torch

from torchladder.core.data_facts import RereadFact, TransformFact, WorkerFact
from torchladder.data import examine
from torchladder.probes import datasets
from torchladder.probes.capture import Source
from torchladder.probes.sides import Side

WITH_TRANSFORM = ("transform", "transforms", "augment", "augmentation", "aug", "tfm", "tfms")
SWITCHES = ("augment", "augmentation", "aug", "train", "training", "is_train", "is_training")
TRANSFORM_ROWS = 600


def rereads(train: Side, held: list[Side]) -> tuple[RereadFact, ...]:
    """Return how far two readings of the same samples differ, for sides whose data set makes its samples."""
    rows = []
    for i, side in enumerate([train, *held], start=-1):
        if side.source.seen is None or side.stored is None or _fixed(side.stored.base):
            continue
        chosen = side.stored.rows[:: max(len(side.stored.rows) // datasets.TWICE, 1)][: datasets.TWICE]
        loader = side.source.seen.loader
        first, second = (datasets.readings(loader.dataset, chosen, loader.collate_fn) for _ in range(2))
        row = _reread(i, first, second, side.source)
        if row is not None and row.differ:
            row = dataclasses.replace(row, switch=_switch(side.stored.base, loader, chosen))
        rows += [row] if row is not None else []
    return tuple(rows)


def workers(train: Side, number: int) -> WorkerFact | None:
    """Return what two workers make of one sample, None without workers."""
    seen = train.source.seen
    if seen is None or seen.loader.num_workers == 0 or train.stored is None or _fixed(train.stored.base):
        return None
    first, second = datasets.in_workers(seen.loader, int(train.stored.rows[0]))
    return WorkerFact(
        number,
        int(seen.loader.num_workers),
        random=not np.array_equal(first[0], first[2]),
        same_in_workers=np.array_equal(first[0], first[1]),
        same_in_epochs=np.array_equal(first[0], second[0]),
        place=seen.place,
    )


def transform(train: Side) -> TransformFact | None:
    """Read training samples with and without the data set's own transform."""
    base = train.stored.base if train.stored is not None else None
    name = next((n for n in WITH_TRANSFORM if callable(getattr(base, n, None))), None)
    if train.stored is None or name is None or name in vars(type(base)) or train.samples.classes is not True:
        return None
    loader, kept = train.source.seen.loader, getattr(base, name)
    rows = train.stored.rows[:: max(len(train.stored.rows) // TRANSFORM_ROWS, 1)][:TRANSFORM_ROWS]
    x_index, y_index = train.source.x_index, train.source.y_index
    if x_index is None or y_index is None:
        return None
    setattr(base, name, None)
    try:
        raw = [_bare(loader.dataset[int(i)], x_index) for i in rows]
    finally:
        setattr(base, name, kept)
    made = datasets.readings(loader.dataset, rows, loader.collate_fn)
    x, y = np.stack([m[x_index][0] for m in made]), np.concatenate([m[y_index].reshape(-1) for m in made])
    if any(r is None or r.shape != raw[0].shape for r in raw) or not examine.learnable(y, classes=True):
        return None
    before = np.stack(raw)
    raw_score, chance, raw_probe, majority = examine.label_reading(before, y)
    score, _, probe, _ = examine.label_reading(x, y)
    return TransformFact(
        name, len(y), raw_score, score, chance, raw_probe, probe, majority,
        examine.flat_share(before) or 0.0, examine.flat_share(x) or 0.0, train.made,
    )  # fmt: skip


def _fixed(base: Any) -> bool:
    """Tell whether a data set is known to give the same sample each time."""
    return type(base) in {torch.utils.data.TensorDataset, list, tuple}


def _reread(side: int, first: Any, second: Any, source: Source) -> RereadFact | None:
    index, labels = source.x_index, source.y_index
    if index is None or not first or any(index >= len(r) for r in (*first, *second)):
        return None
    a, b = ([r[index] for r in readings] for readings in (first, second))
    if any(p.shape != q.shape or p.shape != a[0].shape or p.dtype.kind != "f" for p, q in zip(a, b, strict=True)):
        return None
    differ = float(np.mean([not np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b, strict=True)]))
    other = 0.0
    if labels is not None:
        other = float(np.mean([not np.array_equal(p[labels], q[labels]) for p, q in zip(first, second, strict=True)]))
    likeness = examine.likeness(np.concatenate(a), np.concatenate(b)) if differ else 0.0
    return RereadFact(side, len(a), differ, other, likeness, source.target_is_sample)


def _switch(base: Any, loader: Any, rows: Any) -> str | None:
    """Return the attribute of a data set without which it gives the same samples each time, None if there is none."""
    attributes: dict[str, Any] = dict(vars(base))
    for name, kept in attributes.items():
        off = name in WITH_TRANSFORM and callable(kept)
        if not off and not (name in SWITCHES and kept is True):
            continue
        setattr(base, name, None if off else False)
        try:
            first, second = ([_flat(loader.dataset[int(i)]) for i in rows] for _ in range(2))
            pairs = [pq for a, b in zip(first, second, strict=True) for pq in zip(a, b, strict=True)]
            if all(np.array_equal(p, q, equal_nan=True) for p, q in pairs):
                return name
        except Exception:  # an item that the program's own code cannot make without it
            continue
        finally:
            setattr(base, name, kept)
    return None


def _flat(item: Any) -> list[Any]:
    """Return the parts of an item as arrays of numbers."""
    parts = list(item.values()) if isinstance(item, dict) else list(item) if isinstance(item, (list, tuple)) else [item]
    return [np.asarray(p, dtype=np.float64).ravel() for p in parts if not isinstance(p, (str, bytes))]


def _bare(item: Any, index: int) -> Any:
    """Return the input of an item that no transform has touched, as an array of floats."""
    parts = list(item.values()) if isinstance(item, dict) else list(item) if isinstance(item, (list, tuple)) else []
    value = parts[index] if index < len(parts) else None
    if value is None or isinstance(value, (str, bytes)):
        return None
    array = np.asarray(value, dtype=np.float32)
    return array if array.ndim else None
