"""Where the time of a batch goes: reading, transforms, collate, the copy to the device; in one process, this one.

Transforms are what a data set holds under a name with "transform" or "augment" in it; each is wrapped in a copy of the
data set, and so are the steps of a composed one. Everything else in ``__getitem__`` is reading.
"""

import copy
import inspect
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from torchladder.core.feeding_facts import PartFact
from torchladder.feeding.clock import Clock, Timed, waited_for_core
from torchladder.feeding.passes import tensors
from torchladder.feeding.settings import with_settings

READING, TRANSFORM, COLLATE, COPY = "reading", "transform", "collate", "copy"
INNER = ("dataset", "datasets", "data_source", "source", "base", "subset")  # where data sets keep another one
WORDS = ("transform", "augment")
DEEP = 4  # data sets within each other, and composed transforms
STEPS_SHOWN = 4
LEAST = 2  # batches


def parts_of(loader: DataLoader[Any], seconds: float) -> tuple[PartFact, ...]:
    """Return the parts of a batch's making, measured for so long; empty where nothing could be measured."""
    for deep in (DEEP, 1, 0):  # a data set that does not bear wrapped steps is read with fewer
        clock = Clock()
        try:
            batches, delay = _read(loader, clock, seconds, deep)
        except Exception:
            continue
        if batches:
            return _facts(clock, batches, delay)
    return ()


def _read(loader: DataLoader[Any], clock: Clock, seconds: float, deep: int) -> tuple[int, float]:
    """Read batches in this process; returns how many, and the seconds that it waited for a core."""
    made = with_settings(loader, {"num_workers": 0, "pin_memory": False})
    held = vars(made)
    data = wrapped(loader.dataset, clock, deep) if deep else loader.dataset
    held["dataset"] = data if isinstance(data, IterableDataset) else Reading(data, clock)
    held["collate_fn"] = Timed(made.collate_fn, COLLATE, clock)
    streaming = isinstance(data, IterableDataset)
    iterator = iter(made)
    until = time.perf_counter() + seconds
    delay, batches = waited_for_core(), 0
    while batches < LEAST or time.perf_counter() < until:
        try:
            if streaming:
                with clock.part(READING):
                    batch = next(iterator)
            else:
                batch = next(iterator)
        except StopIteration:
            if not batches or streaming:
                break
            iterator = iter(made)
            continue
        batches += 1
        _to_device(batch, clock)
    return batches, waited_for_core() - delay


def _to_device(batch: Any, clock: Clock) -> None:
    if not torch.cuda.is_available():
        return
    with clock.part(COPY):
        for t in tensors(batch):
            t.to("cuda")
        torch.cuda.synchronize()


class Reading:
    """A data set whose reads are counted."""

    def __init__(self, data: Any, clock: Clock) -> None:
        self.__dict__.update(_data=data, _clock=clock)
        if callable(getattr(data, "__getitems__", None)):
            self.__dict__["__getitems__"] = self._items

    def __getitem__(self, index: Any) -> Any:
        with self._clock.part(READING):
            return self._data[index]

    def _items(self, places: Any) -> Any:
        with self._clock.part(READING):
            return self._data.__getitems__(places)

    def __len__(self) -> int:
        return len(self._data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_data"], name)


def wrapped(data: Any, clock: Clock, deep: int) -> Any:
    """Return a copy of a data set, and of those in it, whose transforms are timed."""
    try:
        made = copy.copy(data)
        held = vars(made)
    except Exception:
        return data
    for name, value in list(held.items()):
        if any(word in name.lower() for word in WORDS) and callable(value) and not isinstance(value, type):
            held[name] = timed(value, clock, deep)
        elif name.lstrip("_") in INNER and deep > 1:
            held[name] = _inner(value, clock, deep - 1)
    for name in _methods(type(data)):
        held.setdefault(name, Timed(getattr(made, name), f"{TRANSFORM} {name}", clock))
    return made


def _methods(kind: type) -> list[str]:
    """Return the methods of a data set that transform."""
    named = [n for n in dir(kind) if any(word in n.lower() for word in WORDS) and not n.startswith("set_")]
    return [n for n in named if inspect.isfunction(inspect.getattr_static(kind, n))]


def _inner(value: Any, clock: Clock, deep: int) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(wrapped(v, clock, deep) for v in value)
    return wrapped(value, clock, deep) if hasattr(value, "__getitem__") or hasattr(value, "__iter__") else value


def timed(transform: Any, clock: Clock, deep: int) -> Any:
    """Return a transform that is timed, step by step where it is composed of some."""
    if deep > 1:
        for kept, value in list(getattr(transform, "__dict__", {}).items()):
            several = isinstance(value, list) and value and all(callable(v) for v in value)
            single = kept in {"transform", "target_transform"} and callable(value)
            if not (several or single):
                continue
            transform = copy.copy(transform)
            vars(transform)[kept] = (
                [timed(v, clock, deep - 1) for v in value] if several else timed(value, clock, deep - 1)
            )
    return Timed(transform, f"{TRANSFORM} {name_of(transform)}", clock)


def name_of(transform: Any) -> str:
    """Return what a transform is called."""
    given = getattr(transform, "__name__", None)
    return str(given) if isinstance(given, str) else type(transform).__name__


def _facts(clock: Clock, batches: int, delay: float) -> tuple[PartFact, ...]:
    idle = _idle(clock, delay)
    rows = []
    for part in (READING, TRANSFORM, COLLATE, COPY):
        names = [n for n in clock.wall if n.partition(" ")[0] == part]
        if not names:
            continue
        steps = dict(_largest((n.partition(" ")[2], clock.wall[n] / batches) for n in names if " " in n))
        seconds, still = (sum(d[n] for n in names) / batches for d in (clock.wall, idle))
        rows.append(PartFact(part, seconds, still, steps))
    return tuple(rows)


def _largest(steps: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted(steps, key=lambda s: -s[1])[:STEPS_SHOWN]


def _idle(clock: Clock, delay: float) -> dict[str, float]:
    """Return the seconds of each part in which nothing was computed, those aside that it waited for a core."""
    still = {n: max(clock.wall[n] - clock.busy[n], 0.0) for n in clock.wall}
    total = sum(still.values())
    share = max(1 - delay / total, 0.0) if total > 0 else 0.0
    return {n: s * share for n, s in still.items()}
