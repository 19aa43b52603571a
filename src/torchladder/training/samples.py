"""Samples ready for a model: one batch at a time out of memory, with what is done to training samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from torchladder.sets.block import Array

Batch = tuple[torch.Tensor, torch.Tensor]


class Samples(Dataset[Batch]):
    """Inputs and targets of one side; a place is ``epoch * len + index``, so that what is drawn depends on the epoch.

    Attributes:
        y: Targets, as the loss takes them.
        names: What the user would call each sample.
    """

    def __init__(self, y: Array, names: Sequence[str]) -> None:
        self.y = torch.from_numpy(np.ascontiguousarray(y))
        self.names = names

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self.y)

    def __getitem__(self, place: int) -> Batch:
        """Return one sample, without the axis of the batch."""
        x, y = self.__getitems__([place])
        return x[0], y[0]

    def __getitems__(self, places: Sequence[int]) -> Batch:
        """Return a batch."""
        epoch, index = divmod(np.asarray(places, dtype=np.int64), len(self))
        return self.inputs(index, int(epoch[0])), self.y[torch.from_numpy(index)]

    def inputs(self, index: NDArray[np.int64], epoch: int) -> torch.Tensor:
        """Return the inputs of some samples in an epoch."""
        raise NotImplementedError


class Rows(Samples):
    """Samples that lie in memory as the model takes them: rows of a table, arrays."""

    def __init__(self, x: torch.Tensor, y: Array, names: Sequence[str]) -> None:
        super().__init__(y, names)
        self.x = x

    def inputs(self, index: NDArray[np.int64], epoch: int) -> torch.Tensor:
        """Return the rows."""
        del epoch
        return self.x[torch.from_numpy(index)]


def as_it_is(batch: Any) -> Any:
    """Return a batch, which ``Samples`` has put together already."""
    return batch


def loader(samples: Samples, batches: Any, workers: int, *, pin: bool = False) -> DataLoader[Batch]:
    """Return a loader over batches of places; it draws nothing from torch's global generator."""
    return DataLoader(
        samples,
        batch_sampler=batches,
        collate_fn=as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin,
        generator=torch.Generator(),
    )


class InOrder:
    """The sampler of an evaluation: one process's batches of all samples, in order."""

    def __init__(self, n: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self.n, self.batch, self.rank, self.world = n, batch, rank, world

    def __len__(self) -> int:
        """Return how many batches there are."""
        return (len(range(self.rank, self.n, self.world)) + self.batch - 1) // self.batch

    def __iter__(self) -> Any:
        """Yield the batches."""
        own = range(self.rank, self.n, self.world)
        for i in range(0, len(own), self.batch):
            yield list(own[i : i + self.batch])
