"""Labels, groups and times of whole data sets, some bytes for each sample."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FEW_VALUES = 20  # whole numbers stored as floats are classes up to here
CLASSES_MAX = 1000  # more different whole numbers are values
REPEATS = 6  # samples a class of numbers has on average, at least
NUMBERS = "biuf"


@dataclass
class Series:
    """One value of each sample, in the order of the data; samples without one are left out.

    Words are kept once: a series of a million samples of ten classes holds a million references.
    """

    places: list[NDArray[np.int64]] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    missing: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, places: NDArray[np.int64], values: Array, names: tuple[str, ...]) -> None:
        """Append the values of a block."""
        values = np.asarray(values)
        empty = is_missing(values)
        if empty.any():
            self.missing += int(empty.sum())
            self.examples = [*self.examples, *(names[i] for i in np.flatnonzero(empty)[:3])][:3]
            places, values = places[~empty], values[~empty]
        if values.dtype.kind not in NUMBERS:
            words, where = np.unique(np.array([str(v) for v in values], dtype=object), return_inverse=True)
            values = words[where] if len(words) else values.astype(object)
        self.places.append(np.asarray(places, dtype=np.int64))
        self.values.append(values)

    def joined(self, other: "Series") -> "Series":
        """Return both parts, one after the other."""
        return Series(
            [*self.places, *other.places],
            [*self.values, *other.values],
            self.missing + other.missing,
            [*self.examples, *other.examples][:3],
        )

    def whole(self) -> tuple[NDArray[np.int64], Array]:
        """Return the places and the values, numbers where all are numbers, else words."""
        if not self.places:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        if not all(v.dtype.kind in NUMBERS for v in self.values):
            parts = [np.array([str(x) for x in v], dtype=object) if v.dtype.kind in NUMBERS else v for v in self.values]
            return np.concatenate(self.places), np.concatenate(parts)
        return np.concatenate(self.places), np.concatenate(self.values)


def is_missing(values: Array) -> NDArray[np.bool_]:
    """Tell which values are None or NaN."""
    if values.dtype.kind in "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.array([v is None or v != v for v in values], dtype=bool)  # noqa: PLR0124 - NaN is not itself
    return np.zeros(len(values), dtype=bool)


def are_classes(values: Array) -> bool:
    """Tell whether labels are classes: words, truth values, or few whole numbers that repeat."""
    if values.dtype.kind not in NUMBERS or values.dtype.kind == "b":
        return True
    if values.ndim != 1 or not len(values):
        return False
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.round(values)).all()):
        return False
    different = len(np.unique(values))
    if values.dtype.kind == "f":
        return different <= FEW_VALUES and different * REPEATS <= len(values)
    return different <= CLASSES_MAX and (different <= 2 or different * REPEATS <= len(values))  # noqa: PLR2004


def named(values: Array) -> Array:
    """Return classes as words: whole numbers without a point."""
    if values.dtype.kind == "f" and (values == np.round(values)).all():
        values = values.astype(np.int64)
    return np.array([str(v) for v in values.tolist()], dtype=object)


def counted(values: Array) -> dict[str, int]:
    """Return how often each class occurs, numbers in their order, words in that of the alphabet."""
    different, times = np.unique(values, return_counts=True)
    return dict(zip(named(different).tolist(), times.tolist(), strict=True))


def most_frequent(counts: Counter[str], most: int = 50) -> dict[str, int]:
    """Return counts, the most frequent first; those beyond ``most`` as one."""
    kept = dict(counts.most_common(most))
    rest = sum(counts.values()) - sum(kept.values())
    return {**kept, "others": rest} if rest else kept
