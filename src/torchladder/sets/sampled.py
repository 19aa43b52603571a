"""A part of a data set, taken evenly from all of it: what is looked at when the user asks for a sample."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.sets.block import Array, Block, Kind
from torchladder.sets.source import Columns, Source

RUNS = 256  # runs of consecutive samples that a sample consists of at most


@dataclass
class Sampled:
    """About ``wanted`` samples of a source, in short runs that are spread over it."""

    source: Source
    wanted: int

    @property
    def name(self) -> str:
        """The source's own."""
        return self.source.name

    @property
    def kind(self) -> Kind:
        """The source's own."""
        return self.source.kind

    @property
    def rows(self) -> int | None:
        """Samples of the whole."""
        return self.source.rows

    @property
    def columns(self) -> Columns:
        """The source's own."""
        return self.source.columns

    @property
    def told(self) -> tuple[str, ...]:
        """The source's own, and that this is a sample."""
        if self.whole:
            return self.source.told
        if self.rows is None:
            return (*self.source.told, f"its first {self.wanted:,} samples were looked at")
        return (*self.source.told, f"{self.wanted:,} of {self.rows:,} samples were looked at, evenly spread")

    @property
    def whole(self) -> bool:
        """Whether the sample is all there is."""
        return self.rows is not None and self.rows <= self.wanted

    def fingerprint(self) -> str:
        """Return what changes with the source and the size of the sample."""
        return f"{self.source.fingerprint()}-{self.wanted}"

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return one range for all of the sample: it is small."""
        if self.whole:
            return self.source.shards(size)
        return [(0, self.rows if self.rows is not None else 1 << 62)]

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield what belongs to the sample, in order."""
        if self.whole:
            yield from self.source.blocks(start, stop)
        elif self.rows is None:
            yield from self.source.blocks(0, self.wanted)
        elif RUNS * getattr(self.source, "grain", 1) >= self.rows:
            for block in self.source.blocks(start, stop):  # to jump about would cost more than to read on
                yield thinned(block, self.wanted, self.rows)
        else:
            for first, last in runs(self.rows, self.wanted):
                yield from self.source.blocks(first, last)


def thinned(block: Block, wanted: int, rows: int) -> Block:
    """Return the samples of a block that are among ``wanted`` of ``rows`` at even distances."""
    places = block.places
    return chosen(block, (places + 1) * wanted // rows > places * wanted // rows)


def chosen(block: Block, keep: NDArray[np.bool_]) -> Block:
    """Return a block with some of its samples only."""
    rows = np.flatnonzero(keep)
    return dataclasses.replace(
        block,
        places=block.places[keep],
        names=tuple(block.names[i] for i in rows),
        images=tuple(block.images[i] for i in rows) if block.images else (),
        texts=tuple(block.texts[i] for i in rows) if block.texts else (),
        columns={n: v[keep] for n, v in block.columns.items()},
        traits={n: v[keep] for n, v in block.traits.items()},
        arrays=_kept(block.arrays, keep),
        labels=_kept(block.labels, keep),
        groups=_kept(block.groups, keep),
        times=_kept(block.times, keep),
        predictions=_kept(block.predictions, keep),
    )


def _kept(values: Array | None, keep: NDArray[np.bool_]) -> Array | None:
    return values[keep] if values is not None else None


def runs(rows: int, wanted: int) -> list[tuple[int, int]]:
    """Return ranges that hold ``wanted`` of ``rows`` samples together, at even distances."""
    count = min(RUNS, wanted)
    firsts = [i * rows // count for i in range(count)]
    lengths = [(i + 1) * wanted // count - i * wanted // count for i in range(count)]
    return [(f, f + n) for f, n in zip(firsts, lengths, strict=True)]
