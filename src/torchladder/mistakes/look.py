"""One look at the samples behind predictions: what each is like, and what tells its copies; pictures on demand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from torchladder.data.thumbnails import axes_of
from torchladder.inspection.sketches import Sketch, sketch
from torchladder.mistakes.picture_traits import NAMES, as_bytes, traits_of
from torchladder.mistakes.predictions import Array, Floats, Ints, Predictions
from torchladder.sets.block import Block, Kind
from torchladder.sets.source import Source

SHARD = 4096
WITH_CHANNELS = 3


@dataclass
class Joined:
    """What is known of the samples, in the order of the predictions.

    Attributes:
        source: Where they are, ``places`` the place of each there; -1 where it is not among them.
        traits: (N,) numbers by name, NaN where a sample has none.
        columns: (N,) values by column of a table.
        digests, sketches, usable: See ``inspection.sketches``; ``kind`` of what.
        train: Samples of each class in the training side of the data, where it has one.
    """

    source: Source | None = None
    places: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    pictures: bool = False
    texts: tuple[str, ...] | None = None
    traits: dict[str, Floats] = field(default_factory=dict)
    columns: dict[str, Array] = field(default_factory=dict)
    kind: str = ""
    digests: NDArray[np.uint64] | None = None
    sketches: Array | None = None
    usable: Array | None = None
    train: dict[str, int] | None = None
    told: tuple[str, ...] = ()
    span: tuple[float, float] = (0.0, 1.0)


def inverse(places: Ints) -> Callable[[Ints], Ints]:
    """Return a function from places in the data to numbers of predictions, -1 where there is none."""
    order = np.argsort(places, kind="stable")
    known = places[order]

    def of(asked: Ints) -> Ints:
        at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        return np.where(known[at] == asked, order[at], -1)

    return of


def blocks_of(source: Source) -> Iterator[Block]:
    """Yield all of a data set."""
    for start, stop in source.shards(SHARD):
        yield from source.blocks(start, stop)


class Look:
    """Gathers what blocks show of the samples, in the order of the predictions."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.traits = np.full((n, len(NAMES)), np.nan)
        self.texts = [""] * n
        self.digests, self.usable = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=bool)
        self.sketches: Array | None = None
        self.kind = ""
        self.columns: dict[str, Array] = {}
        self.span: tuple[float, float] | None = None
        self.pictures = False

    def add(self, block: Block, at: Ints) -> None:
        """Take in a block; ``at`` is the prediction of each of its samples, -1 for none."""
        keep = np.flatnonzero(at >= 0)
        if not len(keep):
            return
        self._sketched(sketch(block), keep, at[keep])
        for i in keep.tolist() if block.texts else ():
            self.texts[at[i]] = block.texts[i]
        more = {"group": block.groups} if block.groups is not None else {}
        for column, values in {**block.columns, **more}.items():
            self.columns.setdefault(column, np.full(self.n, np.nan, dtype=object))[at[keep]] = values[keep]
        self.span = self.span or _span(block)
        for i in keep.tolist():
            picture = picture_of(block, i, self.span)
            if picture is not None:
                self.pictures = True
                self.traits[at[i]] = traits_of(picture)

    def _sketched(self, shown: Sketch, keep: Ints, at: Ints) -> None:
        self.digests[at], self.usable[at] = shown.digests[keep], shown.usable[keep]
        width = shown.rows.shape[1]
        if width and self.sketches is None:
            self.kind, self.sketches = shown.kind, np.zeros((self.n, width), dtype=shown.rows.dtype)
        if self.sketches is not None and self.sketches.shape[1] == width:
            self.sketches[at] = shown.rows[keep]


def look(p: Predictions, source: Source, places: Ints, told: list[str]) -> Joined:
    """Return what one pass over the data shows of the samples, which are at ``places`` there."""
    seen, of, faults = Look(len(p)), inverse(places), 0
    for block in blocks_of(source):
        faults += sum(f.samples for f in block.faults)
        seen.add(block, of(block.places))
    if faults:
        told.append(f"{faults:,} samples of the data could not be read")
    return Joined(
        source,
        places,
        pictures=seen.pictures,
        texts=tuple(seen.texts) if any(seen.texts) else p.texts,
        traits={name: seen.traits[:, i] for i, name in enumerate(NAMES)} if seen.pictures else {},
        columns={c: _plain(v) for c, v in seen.columns.items()},
        kind=seen.kind,
        digests=seen.digests,
        sketches=seen.sketches,
        usable=seen.usable,
        told=tuple(told),
        span=seen.span or (0.0, 1.0),
    )


def _plain(values: Array) -> Array:
    """Return numbers as numbers, where all values are."""
    try:
        return values.astype(float)
    except (ValueError, TypeError):
        return values


def _span(block: Block) -> tuple[float, float]:
    """Return the range of the numbers of a block."""
    held = block.arrays if block.arrays is not None else block.images[0] if block.images else np.zeros(1)
    if held.dtype.kind not in "fiub" or not held.size:
        return 0.0, 1.0
    finite = held[np.isfinite(held)] if held.dtype.kind == "f" else held
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def picture_of(block: Block, i: int, span: tuple[float, float]) -> Array | None:
    """Return a sample as a picture (H, W, C) of bytes, None where it is none."""
    if block.kind is Kind.IMAGES:
        return as_bytes(block.images[i], *span)
    if block.arrays is None or block.arrays.dtype.kind not in "fui":
        return None
    one = block.arrays[i]
    axes = axes_of(one.shape)
    if axes is None:
        return None
    ordered = np.transpose(one, axes)
    return as_bytes(ordered if ordered.ndim == WITH_CHANNELS else ordered[..., None], *span)


def pictures(joined: Joined, rows: Sequence[int]) -> dict[int, Array]:
    """Return the pictures of some predictions, by their numbers."""
    if joined.source is None or not joined.pictures:
        return {}
    wanted = {int(joined.places[r]): r for r in rows if joined.places[r] >= 0}
    found: dict[int, Array] = {}
    if getattr(joined.source, "grain", 1) > 1:
        spans: Sequence[tuple[int, int]] = joined.source.shards(SHARD)
    else:
        spans = [(place, place + 1) for place in sorted(wanted)]
    for start, stop in spans:
        for block in joined.source.blocks(start, stop):
            for i, place in enumerate(block.places.tolist()):
                if place in wanted:
                    picture = picture_of(block, i, joined.span)
                    if picture is not None:
                        found[wanted[place]] = picture
    return found
