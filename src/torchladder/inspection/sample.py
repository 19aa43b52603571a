"""A bounded sample of a data set, the same however the data is dealt out: those whose places hash lowest."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.data.small import small_array, small_picture
from torchladder.inspection.columns import hashed_places
from torchladder.inspection.labels import is_missing
from torchladder.sets.block import Block

Array = NDArray[Any]

SIZE = 2500  # samples kept
SLACK = 2  # times as many before the surplus is dropped
CHARACTERS = 2000  # of a text


@dataclass(frozen=True, slots=True)
class Item:
    """One sample that was kept: small, with what is known of it."""

    place: int
    name: str
    x: Any
    cells: tuple[Any, ...] = ()
    label: Any = None
    group: Any = None
    time: float | None = None
    traits: tuple[float, ...] = ()
    prediction: Any = None


@dataclass
class Kept:
    """Items and the hashes of their places."""

    hashes: list[int] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    size: int = SIZE

    def add(self, block: Block) -> None:
        """Take in a block."""
        hashes = hashed_places(block.places)
        worst = max(self.hashes) if len(self.hashes) >= self.size else None
        chosen = np.arange(len(block)) if worst is None else np.flatnonzero(hashes < np.uint64(worst))
        if len(chosen) > self.size:
            chosen = np.sort(chosen[np.argpartition(hashes[chosen], self.size)[: self.size]])
        if block.columns:
            self.columns = self.columns or tuple(block.columns)
        if block.traits:
            numeric = tuple(k for k, v in block.traits.items() if v.dtype.kind in "biuf")
            self.traits = self.traits or numeric
        self.hashes.extend(int(hashes[i]) for i in chosen)
        self.items.extend(_items(block, chosen, self.columns, self.traits))
        self._trim(SLACK * self.size)

    def joined(self, other: "Kept") -> "Kept":
        """Return the sample of both parts."""
        both = Kept(
            [*self.hashes, *other.hashes],
            [*self.items, *other.items],
            self.columns or other.columns,
            self.traits or other.traits,
            self.size,
        )
        both._trim(SLACK * self.size)
        return both

    def final(self) -> list[Item]:
        """Return the sample in the order of the data."""
        self._trim(self.size)
        return sorted(self.items, key=lambda item: item.place)

    def _trim(self, beyond: int) -> None:
        if len(self.hashes) <= beyond:
            return
        order = np.argsort(np.array(self.hashes, dtype=np.uint64), kind="stable")[: self.size]
        self.hashes = [self.hashes[i] for i in order]
        self.items = [self.items[i] for i in order]


def _items(block: Block, chosen: NDArray[Any], columns: tuple[str, ...], traits: tuple[str, ...]) -> list[Item]:
    arrays = small_array(block.arrays[chosen]) if block.arrays is not None else None
    empty = is_missing(block.labels) if block.labels is not None and block.labels.ndim == 1 else None
    found = []
    for k, i in enumerate(chosen.tolist()):
        x: Any = None
        if block.images:
            x = small_picture(block.images[i])
        elif block.texts:
            x = block.texts[i][:CHARACTERS]
        elif arrays is not None:
            x = arrays[k]
        found.append(
            Item(
                place=int(block.places[i]),
                name=block.names[i],
                x=x,
                cells=tuple(block.columns[c][i] if c in block.columns else None for c in columns),
                label=block.labels[i] if block.labels is not None and empty is not None and not empty[i] else None,
                group=block.groups[i] if block.groups is not None else None,
                time=float(block.times[i]) if block.times is not None and block.times.dtype.kind in "fiu" else None,
                prediction=block.predictions[i] if block.predictions is not None else None,
                traits=tuple(float(block.traits[t][i]) if t in block.traits else np.nan for t in traits),
            )
        )
    return found
