"""Columns, counted: moments, extremes, what is missing, and a sum of hashes by which equal columns are known.

Everything kept is of fixed size, and parts can be joined in any grouping. The hash of a column is a sum over its
samples of a mix of value and place, so that it does not depend on how the samples were dealt out.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Vector = NDArray[np.float64]
Words64 = NDArray[np.uint64]

SHOWN = 3  # names of samples kept for a column
DISTINCT = 1000  # different words kept of a column
NOTHING = np.uint64(0x7FF8_0000_0000_0000)  # one pattern for all that is missing


def mixed(x: Words64) -> Words64:
    """Return 64 bits that look random (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return x ^ (x >> np.uint64(31))


def hashed_places(places: NDArray[np.int64]) -> Words64:
    """Return a hash of each place."""
    return mixed(places.astype(np.uint64) + np.uint64(0x9E37_79B9_7F4A_7C15))


@dataclass
class Numbers:
    """Sums over samples of one or more columns of numbers."""

    n: Vector
    missing: Vector
    infinite: Vector
    mean: Vector
    squares: Vector
    low: Vector
    high: Vector
    prints: Words64
    examples: dict[int, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Array, places: NDArray[np.int64], names: tuple[str, ...], *, prints: bool = True) -> "Numbers":
        """Return the sums of a block.

        Args:
            table: (N, D) numbers.
            places: (N,) place of each sample in its set.
            names: What the user would call each sample.
            prints: Whether to hash, which takes longer than all the rest.
        """
        values = np.asarray(table, dtype=np.float64)
        fine = np.isfinite(values)
        n = fine.sum(axis=0).astype(float)
        if fine.all():
            known, mean = values, values.mean(axis=0)
            squares = ((values - mean) ** 2).sum(axis=0)
        else:
            known = np.where(fine, values, 0.0)
            mean = known.sum(axis=0) / np.maximum(n, 1)
            squares = np.where(fine, (known - mean) ** 2, 0.0).sum(axis=0)
        width = values.shape[1]
        found = cls(
            n,
            np.isnan(values).sum(axis=0).astype(float),
            np.isinf(values).sum(axis=0).astype(float),
            mean,
            squares,
            np.where(fine, values, np.inf).min(axis=0, initial=np.inf),
            np.where(fine, values, -np.inf).max(axis=0, initial=-np.inf),
            _prints(values, places) if prints else np.zeros(width, dtype=np.uint64),
        )
        for j in np.flatnonzero(n < len(values)) if names else ():
            odd = [*np.flatnonzero(np.isinf(values[:, j])), *np.flatnonzero(np.isnan(values[:, j]))]
            found.examples[int(j)] = [names[i] for i in odd[:SHOWN]]
        return found

    @classmethod
    def of_all(cls, values: Array) -> "Numbers":
        """Return the sums of all values of an array as one column, without a hash."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls.of(np.asarray(values).reshape(-1, 1), nothing, (), prints=False)

    @classmethod
    def beside(cls, parts: Sequence["Numbers"]) -> "Numbers":
        """Return the columns of several as those of one."""
        return cls(
            np.concatenate([p.n for p in parts]),
            np.concatenate([p.missing for p in parts]),
            np.concatenate([p.infinite for p in parts]),
            np.concatenate([p.mean for p in parts]),
            np.concatenate([p.squares for p in parts]),
            np.concatenate([p.low for p in parts]),
            np.concatenate([p.high for p in parts]),
            np.concatenate([p.prints for p in parts]),
        )

    def joined(self, other: "Numbers") -> "Numbers":
        """Return the sums of both parts."""
        n = self.n + other.n
        share = other.n / np.maximum(n, 1)
        off = other.mean - self.mean
        with np.errstate(over="ignore"):
            prints = self.prints + other.prints
        both = {j: [*self.examples.get(j, ()), *other.examples.get(j, ())] for j in self.examples | other.examples}
        return Numbers(
            n,
            self.missing + other.missing,
            self.infinite + other.infinite,
            self.mean + off * share,
            self.squares + other.squares + off**2 * self.n * share,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            prints,
            {j: names[:SHOWN] for j, names in both.items()},
        )

    @property
    def deviation(self) -> Vector:
        """The deviation of each column, over all its samples."""
        return np.asarray(np.sqrt(self.squares / np.maximum(self.n, 1)))


def _prints(values: Vector, places: NDArray[np.int64]) -> Words64:
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)  # -0 and 0 are the same
    bits = np.where(np.isnan(values), NOTHING, bits)
    with np.errstate(over="ignore"):
        return np.asarray(mixed(bits ^ hashed_places(places)[:, None]).sum(axis=0, dtype=np.uint64))


@dataclass
class Words:
    """Sums over samples of one column of words."""

    n: int = 0
    missing: int = 0
    counts: dict[str, int] | None = field(default_factory=dict)
    prints: int = 0
    examples: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, column: Array, places: NDArray[np.int64], names: tuple[str, ...]) -> "Words":
        """Return the sums of a block; None and NaN are missing."""
        empty = np.array([v is None or v != v for v in column], dtype=bool)  # noqa: PLR0124 - NaN is not itself
        texts = np.array([str(v) for v in column], dtype=object)
        known, where = np.unique(texts, return_inverse=True)
        keys = np.array([zlib.crc32(t.encode(errors="surrogateescape")) for t in known], dtype=np.uint64)
        bits = np.where(empty, NOTHING, mixed(keys[where]))
        with np.errstate(over="ignore"):
            prints = int(mixed(bits ^ hashed_places(places)).sum(dtype=np.uint64))
        found, times = np.unique(texts[~empty], return_counts=True)
        counts = dict(zip(found.tolist(), times.tolist(), strict=True)) if len(found) <= DISTINCT else None
        odd = [names[i] for i in np.flatnonzero(empty)[:SHOWN]]
        return cls(int((~empty).sum()), int(empty.sum()), counts, prints, odd)

    def joined(self, other: "Words") -> "Words":
        """Return the sums of both parts."""
        counts = None
        if self.counts is not None and other.counts is not None:
            counts = dict(self.counts)
            for word, times in other.counts.items():
                counts[word] = counts.get(word, 0) + times
            counts = counts if len(counts) <= DISTINCT else None
        return Words(
            self.n + other.n,
            self.missing + other.missing,
            counts,
            (self.prints + other.prints) % (1 << 64),
            [*self.examples, *other.examples][:SHOWN],
        )


@dataclass
class Column:
    """A column whose values may be numbers in one block and words in another."""

    numbers: Numbers | None = None
    words: Words | None = None

    @classmethod
    def of(cls, values: Array, places: NDArray[np.int64], names: tuple[str, ...]) -> "Column":
        """Return the sums of a block."""
        if values.dtype.kind in "biuf":
            return cls(numbers=Numbers.of(values.reshape(-1, 1), places, names))
        if values.dtype.kind in "mM":
            return cls(numbers=Numbers.of(as_seconds(values).reshape(-1, 1), places, names))
        return cls(words=Words.of(values, places, names))

    def joined(self, other: "Column") -> "Column":
        """Return the sums of both parts."""
        numbers = self.numbers.joined(other.numbers) if self.numbers and other.numbers else None
        words = self.words.joined(other.words) if self.words and other.words else None
        return Column(numbers or self.numbers or other.numbers, words or self.words or other.words)


def as_seconds(values: Array) -> Vector:
    """Return dates or durations as seconds, NaN where there is none."""
    kind = "datetime64[us]" if values.dtype.kind == "M" else "timedelta64[us]"
    whole = values.astype(kind).astype(np.int64)
    return np.where(np.isnat(values), np.nan, whole / 1e6)
