"""Some samples of a source as a source of their own."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.sets.block import Block, Kind
from torchladder.sets.files import ranges
from torchladder.sets.sampled import chosen
from torchladder.sets.source import Columns, Source


@dataclass
class Selected:
    """The samples of ``source`` at ``places``, ascending. They keep their numbers and names."""

    source: Source
    places: NDArray[np.int64]
    name: str
    told: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """The source's own."""
        return self.source.kind

    @property
    def rows(self) -> int:
        """Samples that were selected."""
        return len(self.places)

    @property
    def columns(self) -> Columns:
        """The source's own."""
        return self.source.columns

    def fingerprint(self) -> str:
        """Return what changes with the source and the selection."""
        return f"{self.source.fingerprint()}-{hash(self.places.tobytes())}"

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges of the selected samples; one where the source cannot be read from any place."""
        if self.source.rows is None or len(self.source.shards(1)) == 1:
            return [(0, self.rows)]
        return ranges(self.rows, size)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield the selected samples, a bounded number at a time."""
        wanted = self.places[start:stop]
        if not len(wanted):
            return
        for block in self.source.blocks(int(wanted[0]), int(wanted[-1]) + 1):
            keep = np.isin(block.places, wanted)
            if keep.any():
                yield chosen(block, keep)
