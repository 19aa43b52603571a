"""Passes over a loader, batch by batch, with the time of each wait.

A pass is a generator: whoever draws its batches may train on them, or only count them. The same code times a loader
alone and under the steps of a program.
"""

import contextlib
import copy
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

now = time.perf_counter


@dataclass(slots=True)
class Pass:
    """One pass so far.

    Attributes:
        waits: Seconds until each batch came; the first includes the start of the pass and of its workers.
        works: Seconds until the next batch was asked for.
        ending: Seconds from the last batch to the end of the pass: workers that leave are waited for.
        samples: In all batches.
        whole: Whether it went to its end.
        workers: Processes that make its batches.
    """

    workers: int = 0
    waits: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    ending: float = 0.0
    samples: int = 0
    whole: bool = False

    @property
    def batches(self) -> int:
        """How many batches it gave."""
        return len(self.waits)

    @property
    def first(self) -> float:
        """Seconds that the start of the pass costs beyond what a batch takes anyway, the end of the pass included."""
        return max(self.waits[0] - self.each_wait, 0.0) + self.ending if self.waits else 0.0

    @property
    def each_wait(self) -> float:
        """Seconds that a batch is waited for once the pass is under way."""
        return self._mean(self.waits)

    @property
    def each(self) -> float:
        """Seconds a batch and what is done with it take once the pass is under way."""
        return self._mean([a + b for a, b in zip(self.waits, self.works, strict=False)])

    def per_batch(self, n: int | None) -> float:
        """Return the seconds a batch takes in a pass of ``n`` batches, its start and end shared among them."""
        if self.whole and self.batches and len(self.works) == self.batches:
            return (sum(self.waits) + sum(self.works) + self.ending) / self.batches
        return self.each + (self.first / n if n else 0.0)

    def _mean(self, values: list[float]) -> float:
        """Return the mean over whole rounds of the workers: what the first round has ready comes all at once."""
        skip = max(self.workers, 1)
        rest = values[skip:]
        if self.workers > 1 and len(rest) >= self.workers:
            rest = rest[: len(rest) // self.workers * self.workers]
        rest = rest or values[1:] or values
        return sum(rest) / len(rest) if rest else 0.0


def drawn(
    iterator: Callable[[], Iterator[Any]],
    workers: int,
    *,
    seconds: float,
    least: int = 2,
    most: int | None = None,
    take: Callable[[Pass], None] = lambda _: None,
) -> Generator[Any, None, Pass]:
    """Hand out the batches of one pass, for so long; returns its times.

    Args:
        iterator: Begins the pass.
        workers: Processes that make the batches.
        seconds: After which it is left, once it has given ``least`` batches and one round of its workers.
        least: Batches it gives at least.
        most: Batches it gives at most.
        take: Told of the pass when it begins, so that what is there of it is known whatever happens.
    """
    seen = Pass(workers)
    take(seen)
    began = asked = now()
    inner = iterator()
    least = max(least, 2 * workers + 1)
    while True:
        try:
            batch = next(inner)
        except StopIteration:
            seen.whole, seen.ending = True, now() - asked
            break
        came = now()
        seen.waits.append(came - asked)
        seen.samples += samples_in(batch)
        enough = (came - began > seconds and seen.batches >= least) or seen.batches == most
        came = now()
        yield batch
        asked = now()
        seen.works.append(asked - came)
        if enough:
            break
    with contextlib.suppress(Exception):
        del inner  # ends workers that do not stay
    return seen


def alone(passing: Generator[Any, None, Pass]) -> Pass:
    """Draw all batches of a pass and do nothing with them."""
    while True:
        try:
            next(passing)
        except StopIteration as end:
            result: Pass = end.value
            return result


def samples_in(batch: Any) -> int:
    """Return how many samples a batch has: the first axis of its first tensor, the length of a list."""
    first = first_tensor(batch)
    if first is not None:
        return int(first.shape[0]) if first.dim() else 1
    with contextlib.suppress(TypeError):
        return len(batch)
    return 1


def first_tensor(batch: Any) -> torch.Tensor | None:
    """Return the first tensor in a batch."""
    return next(tensors(batch), None)


def tensors(batch: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in a batch, in order."""
    if isinstance(batch, torch.Tensor):
        yield batch
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from tensors(value)
    elif isinstance(batch, list | tuple):
        for value in batch:
            yield from tensors(value)


def copied(batch: Any) -> Any:
    """Return a batch whose tensors are new: a program may change those that it is given."""
    if isinstance(batch, torch.Tensor):
        return batch.detach().clone()
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(copied(v) for v in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(copied(v) for v in batch)
    if type(batch) is dict:
        return {k: copied(v) for k, v in batch.items()}
    try:
        return copy.deepcopy(batch)
    except Exception:
        return batch
