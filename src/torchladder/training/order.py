"""The order of samples: a function of (seed, epoch), so that training goes on anywhere in an epoch without loading.

A batch is shared out over the processes; what each of them counts for is known beforehand, so that the mean over a
step's samples is exact, however they fall into batches and processes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
ORDER = 1  # stream of draws


@dataclass(frozen=True)
class Order:
    """How training samples come.

    Attributes:
        n: Samples there are.
        batch: Of one pass through the model, over all processes.
        group: Batches whose gradients make one step.
        lone: Whether a last batch of one sample is left out, as batch normalisation needs two.
        classes: Class of each sample, where every class is to come equally often.
    """

    n: int
    batch: int
    group: int
    seed: int
    lone: bool = False
    classes: Ints | None = None

    def samples(self, epoch: int) -> Ints:
        """Return the samples of an epoch, in order."""
        rng = np.random.default_rng([self.seed, epoch, ORDER])
        if self.classes is None:
            order = rng.permutation(self.n)
        else:
            counts = np.bincount(self.classes)
            chances = 1.0 / counts[self.classes]
            order = rng.choice(self.n, self.n, p=chances / chances.sum())
        return np.asarray(order[: self.used], dtype=np.int64)

    @property
    def used(self) -> int:
        """Samples of an epoch."""
        alone = self.lone and self.n > self.batch and self.n % self.batch == 1
        return self.n - 1 if alone else self.n

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        return -(-self.used // self.batch)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.batches // self.group)

    def sizes(self) -> list[int]:
        """Return the samples of each step of an epoch, over all processes."""
        whole = self.batch * self.group
        return [min(whole, self.used - i) for i in range(0, self.used, whole)]


class Batches:
    """The sampler of batches: yields one process's part of each, from any batch of an epoch on.

    A sample is given as ``epoch * n + index``, so that whoever prepares it knows the epoch.
    """

    def __init__(self, order: Order, rank: int = 0, world: int = 1) -> None:
        self.order, self.rank, self.world = order, rank, world
        self.epoch, self.start = 0, 0
        self.advance = False  # whether each pass is a new epoch, as loops do that know of none

    def __len__(self) -> int:
        """Return how many batches remain."""
        return self.order.batches - self.start

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of the epoch."""
        order, size = self.order, self.order.batch
        places = order.samples(self.epoch) + self.epoch * order.n
        start = self.start
        if self.advance:
            self.epoch += 1
        for i in range(start * size, len(places), size):
            yield share(places[i : i + size], self.rank, self.world)


def share(places: Ints, rank: int, world: int) -> list[int]:
    """Return one process's part of a batch; one sample, which counts for nothing, where there are too few."""
    own = places[rank::world]
    shared: list[int] = (own if len(own) else places[:1]).tolist()
    return shared


def counted(batch: int, rank: int, world: int) -> int:
    """Return how many samples of a batch of that size count in one process."""
    return len(range(rank, batch, world))
