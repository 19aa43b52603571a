"""Reading data sets by index, beside the program: samples in their order, twice, in workers, untransformed."""

import contextlib
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from torchladder.probes.tensors import tensors_in

Array = NDArray[np.generic]

ROWS = 20_000  # samples read of a data set that lies in memory
BYTES = 64 << 20
SECONDS = 0.6  # for reading one side
TWICE = 24  # samples read a second time


@dataclass
class Stored:
    """Samples as a data set gives them, at ``rows`` (positions in the loader's data set)."""

    x: Array
    y: Array | None
    rows: NDArray[np.int64]
    total: int
    base_rows: NDArray[np.int64]  # the same samples' rows in the data set below any Subset
    base: Any

    @property
    def complete(self) -> bool:
        """Whether every sample was read."""
        return len(self.rows) == self.total


@contextlib.contextmanager
def same_randomness() -> Iterator[None]:
    """Leave every global random state as it was."""
    python, numpy_, torch_ = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_)  # noqa: NPY002
        torch.set_rng_state(torch_)


def positions(loader: Any) -> NDArray[np.int64] | None:
    """Return the positions in its data set that a loader serves, None when it cannot be read by index."""
    data = loader.dataset
    if isinstance(data, IterableDataset) or not hasattr(data, "__getitem__"):
        return None
    sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
    chosen = getattr(sampler, "indices", None)
    try:
        chosen = np.asarray(chosen, dtype=np.int64) if chosen is not None else np.arange(len(data))
    except (TypeError, ValueError, NotImplementedError):
        return None
    return chosen if chosen.ndim == 1 and len(chosen) else None


def same_samples(a: Any, b: Any) -> bool:
    """Tell whether two loaders read samples of one data set that are not kept apart by their samplers."""
    if a.dataset is not b.dataset:
        return False
    ours, theirs = positions(a), positions(b)
    return ours is None or theirs is None or bool(np.isin(theirs, ours).any())


def below(data: Any, rows: NDArray[np.int64]) -> tuple[Any, NDArray[np.int64]]:
    """Return the data set below any Subset, and the rows there."""
    while isinstance(data, Subset):
        rows = np.asarray(data.indices, dtype=np.int64)[rows]
        data = data.dataset
    return data, rows


def base_rows(loader: Any) -> NDArray[np.int64]:
    """Return the rows that a loader serves of the data set below any Subset."""
    rows = positions(loader)
    return below(loader.dataset, rows)[1] if rows is not None else np.zeros(0, dtype=np.int64)


def read(loader: Any, x_index: int | None, y_index: int | None) -> Stored | None:
    """Return samples of a loader's data set in their order, as many as time and memory allow."""
    rows = positions(loader)
    if rows is None or loader.batch_size is None:
        return None
    return _read(loader.dataset, rows, loader.collate_fn, x_index, y_index)


def read_all(data: Any, collate: Any, x_index: int | None, y_index: int | None) -> Stored | None:
    """Return samples of a whole data set in their order, as many as time and memory allow."""
    return _read(data, np.arange(len(data)), collate, x_index, y_index)


def _read(data: Any, rows: NDArray[np.int64], collate: Any, x_index: int | None, y_index: int | None) -> Stored | None:
    total = len(rows)
    base, found = below(data, rows)
    if isinstance(base, TensorDataset) and type(base) is TensorDataset:
        arrays = [array(t[torch.from_numpy(found[:ROWS])]) for t in base.tensors if t.numel() < BYTES]
        if len(arrays) != len(base.tensors):
            return None
        return _stored(arrays, x_index, y_index, rows[:ROWS], total, base, found)
    items = _items(data, rows)
    if not items:
        return None
    batch = collate(items)
    arrays = [array(t) for t in tensors_in(batch)]
    return _stored(arrays, x_index, y_index, rows[: len(items)], total, base, found)


def _stored(
    arrays: list[Array],
    x_index: int | None,
    y_index: int | None,
    rows: NDArray[np.int64],
    total: int,
    base: Any,
    found: NDArray[np.int64],
) -> Stored | None:
    n = len(rows)
    whole = [a if a.ndim and len(a) == n else None for a in arrays]
    x = _pick(whole, x_index)
    if x is None:
        return None
    y = _pick(whole, y_index) if y_index is not None else None
    return Stored(x, y.reshape(-1) if y is not None and y.size == n else None, rows, total, found[:n], base)


def _pick(arrays: list[Array | None], index: int | None) -> Array | None:
    if index is not None:
        return arrays[index] if index < len(arrays) else None
    return next((a for a in arrays if a is not None and a.ndim > 1), None)


def array(t: torch.Tensor) -> Array:
    """Return a tensor's values as an array, floats as float32."""
    kept = t.detach().cpu()
    return np.asarray((kept.float() if kept.is_floating_point() else kept).numpy())


def _items(data: Any, rows: NDArray[np.int64]) -> list[Any]:
    """Return items in order until time or memory runs out."""
    items: list[Any] = []
    size, until = 0, time.monotonic() + SECONDS
    for i in rows[:ROWS]:
        items.append(data[int(i)])
        size += _size(items[-1])
        if time.monotonic() > until or size > BYTES:
            break
    return items


def _size(item: Any) -> int:
    return sum(t.numel() * t.element_size() for t in tensors_in(item)) or 1000


def readings(data: Any, rows: Iterable[int], collate: Any) -> list[list[Array]]:
    """Return the arrays of each sample, one after the other."""
    return [[array(t) for t in tensors_in(collate([data[int(i)]]))] for i in rows]


def in_workers(loader: Any, row: int) -> tuple[list[Array], list[Array]]:
    """Return the first tensors that two workers read of one sample: two readings each, in two epochs.

    The order is worker 0, worker 1, worker 0 again, worker 1 again.
    """
    epochs = []
    for _ in range(2):
        again = DataLoader(
            loader.dataset,
            batch_size=1,
            sampler=[row] * 4,
            num_workers=2,
            worker_init_fn=loader.worker_init_fn,
            collate_fn=loader.collate_fn,
            multiprocessing_context=loader.multiprocessing_context,
            timeout=3,
        )
        plain = again._get_iterator()  # noqa: SLF001 - what iter() gives, past our own wrapper of it
        epochs.append([np.concatenate([array(t).ravel() for t in tensors_in(b)]) for b in plain])
    return epochs[0], epochs[1]
