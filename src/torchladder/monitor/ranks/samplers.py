"""Samplers that share the data out between processes: whether their order changes from pass to pass."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import DistributedSampler

from torchladder.core.distributed_facts import SamplerFact
from torchladder.core.findings import Place
from torchladder.monitor.ranks.checksum import of_batch, tensors_in

PASSES_MAX = 64  # whose epoch is remembered
STEPS_MIN = 2  # upon the batches of a pass that was trained on
PLACES = 3  # first passes whose line is looked up


@dataclass
class Course:
    """The passes over one sampler's loader; ``steps`` are those of an optimizer upon each one's batches."""

    sampler: Any
    epochs: list[int] = field(default_factory=list)
    starts: list[int | None] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    place: Place | None = None

    def trained(self) -> list[int]:
        """Return which passes were trained on: a lone step may belong to a batch from elsewhere."""
        return [i for i, n in enumerate(self.steps) if n >= STEPS_MIN]


class Samplers:
    """Told of every pass, of its first batch and of the steps; asks the samplers for their epoch."""

    def __init__(self) -> None:
        self.courses: dict[int, Course] = {}
        self._by_loader: dict[int, Course] = {}
        self._serving: Course | None = None
        self._fresh: Course | None = None

    def opened(self, loader: Any, place: Any) -> None:
        """A pass begins: its order has been drawn."""
        sampler = sampler_of(loader)
        self._serving = self._fresh = None
        self._by_loader.pop(id(loader), None)
        if sampler is None:
            return
        course = self.courses.get(id(sampler))
        if course is None:
            course = self.courses[id(sampler)] = Course(sampler)
        if len(course.epochs) >= PASSES_MAX:
            return
        if len(course.epochs) < PLACES:
            course.place = course.place or place()
        course.epochs.append(int(sampler.epoch))
        course.starts.append(None)
        course.steps.append(0)
        self._by_loader[id(loader)] = self._fresh = course

    def served(self, loader: Any, batch: Any) -> None:
        """A batch has come; the first of a pass is remembered where it lies on the CPU."""
        self._serving = self._by_loader.get(id(loader))
        if self._serving is not None and self._fresh is self._serving:
            self._fresh = None
            tensors = tensors_in(batch)
            if tensors and all(t.device.type == "cpu" for t in tensors):
                with torch.no_grad():
                    self._serving.starts[-1] = hash(tuple(int(of_batch(t)) for t in tensors))

    def stepped(self) -> None:
        """An optimizer stepped."""
        if self._serving is not None:
            self._serving.steps[-1] += 1

    def sharded(self, world: int) -> bool:
        """Tell whether the latest training data was shared out between ``world`` processes."""
        return any(c.sampler.num_replicas == world and any(c.steps) for c in self.courses.values())

    def facts(self) -> tuple[SamplerFact, ...]:
        """Return a row for every sampler that was trained with."""
        return tuple(_row(course) for course in self.courses.values() if course.trained())


def sampler_of(loader: Any) -> Any:
    """Return the DistributedSampler of a loader, or None."""
    for sampler in (getattr(loader, "sampler", None), getattr(getattr(loader, "batch_sampler", None), "sampler", None)):
        if isinstance(sampler, DistributedSampler):
            return sampler
    return None


def _row(course: Course) -> SamplerFact:
    sampler, kind = course.sampler, type(course.sampler)
    passes = course.trained()
    starts = [course.starts[i] for i in passes]
    same = len(set(starts)) == 1 if len(starts) > 1 and None not in starts else None
    return SamplerFact(
        type=kind.__name__,
        replicas=int(sampler.num_replicas),
        shuffle=bool(sampler.shuffle),
        epochs=tuple(course.epochs[i] for i in passes),
        stock=kind.__iter__ is DistributedSampler.__iter__,
        same_start=same,
        place=course.place,
    )
