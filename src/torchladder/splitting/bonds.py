"""What must not be torn apart: samples of one group, copies of each other, frames of one scene, files of one source."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from torchladder.data.near_pictures import near_pictures
from torchladder.data.near_rows import near_rows
from torchladder.data.near_texts import near_texts
from torchladder.data.twins import Ints, group_names, no_twins
from torchladder.inspection.duplicates import State as Copies
from torchladder.inspection.sketches import PICTURES, ROWS, TEXTS
from torchladder.sets.block import Array

NEAR_MAX = 4_000_000  # samples whose sketches are compared
LARGEST = 0.05  # of all samples: near copies that form a larger chain are kinds of things, not copies
ALIKE, SURE = 0.98, 5.0  # of pictures: likeness and bits beyond which a pair is no other picture of the same thing


@dataclass
class Bonds:
    """Pairs of samples that stay on one side, collected from several reasons; ``told`` in words."""

    n: int
    first: list[Ints] = field(default_factory=list)
    second: list[Ints] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tie(self, first: Ints, second: Ints) -> None:
        """Keep pairs together."""
        self.first.append(first)
        self.second.append(second)

    def tie_alike(self, numbers: Ints) -> None:
        """Keep samples with the same number together; negative ones stay alone."""
        some = np.flatnonzero(numbers >= 0)
        _, first, back = np.unique(numbers[some], return_index=True, return_inverse=True)
        self.tie(some, some[first[back]])

    def units(self) -> Ints:
        """Return for each sample the number of what it belongs to."""
        if not self.first:
            return np.arange(self.n)
        return group_names(self.n, np.concatenate(self.first), np.concatenate(self.second))


def numbered(values: Array) -> Ints:
    """Return a number for each value, -1 for those that are missing."""
    missing = np.array([v is None or v != v for v in values], dtype=bool)  # noqa: PLR0124 - NaN is not itself
    words = np.array([_word(v) for v in values], dtype=object).astype(str)
    numbers = np.unique(words, return_inverse=True)[1].astype(np.int64)
    numbers[missing] = -1
    return numbers


def _word(value: object) -> str:
    """Return a value as a word; whole numbers have no point, however they are stored."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def tie_copies(bonds: Bonds, copies: Copies) -> None:
    """Keep exact and near copies together."""
    if not copies.places:
        return
    digests, judged = np.concatenate(copies.digests), np.concatenate(copies.judged)
    _, numbers = np.unique(digests, return_inverse=True)
    exact = np.where(judged, numbers, -1).astype(np.int64)
    bonds.tie_alike(exact)
    several = np.bincount(exact[judged]) if judged.any() else np.zeros(0, dtype=np.int64)
    equal = int(several[several > 1].sum())
    if equal:
        bonds.told.append(f"{equal:,} samples that equal another stay with it")
    first, second = _near(copies, exact)
    if len(first):
        bonds.tie(first, second)
        both = len(np.union1d(first, second))
        bonds.told.append(f"{both:,} samples that are near copies of another stay with it")


def _near(copies: Copies, exact: Ints) -> tuple[Ints, Ints]:
    """Return pairs of near copies, one sample of each set of equal ones standing for all."""
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    usable = np.concatenate(copies.usable)
    if copies.mixed or len(usable) > NEAR_MAX or copies.kind not in {PICTURES, ROWS, TEXTS}:
        return nothing
    one = exact < 0
    one[np.unique(exact, return_index=True)[1]] = True
    places = np.flatnonzero(usable & one)
    rows = np.concatenate(copies.rows)[places]
    if len(rows) < 2 or not rows.shape[1]:  # noqa: PLR2004 - nothing to compare
        return nothing
    if copies.kind == PICTURES:
        found = near_pictures(rows)
    elif copies.kind == TEXTS:
        found = near_texts(rows)
    else:
        found = near_rows(rows, np.array(copies.numeric, dtype=bool)).twins if len(copies.numeric) else no_twins()
    sizes = np.bincount(group_names(len(places), found.first, found.second))
    if sizes.max(initial=0) > max(LARGEST * len(places), 2) and copies.kind == PICTURES:
        sure = (found.likeness >= ALIKE) & (found.bits >= SURE)
        found = found._replace(first=found.first[sure], second=found.second[sure])
    return places[found.first], places[found.second]


def sources_of(names: Sequence[str]) -> list[str]:
    """Return where each file comes from: its folder below that of its class, else its name up to the last number."""
    return [_source(n) for n in names]


def _source(name: str) -> str:
    folders, _, file = name.rpartition("/")
    if folders.count("/"):
        return folders
    stem = file.rpartition(".")[0] or file
    prefix = stem.rstrip("0123456789").rstrip("_-. ")
    # Of "kitchen_03_0001" the last number is the frame's; of "kitchen_0001" what stands before it is the source.
    return prefix or stem


def counts_of(units: Ints) -> NDArray[np.int64]:
    """Return how many samples each unit has."""
    return np.bincount(units)
