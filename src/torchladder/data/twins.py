"""Pairs of samples that are copies of each other, and the groups that they form."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]


class Twins(NamedTuple):
    """Pairs of near copies.

    Attributes:
        first, second: Their places, ``first < second``, no pair twice.
        likeness: How alike they are; 1 for equal.
        bits: How far chance is from making such a pair anywhere in the data: -log2 of the pairs to be expected.
    """

    first: Ints
    second: Ints
    likeness: NDArray[np.float64]
    bits: NDArray[np.float64]

    def at(self, places: Ints) -> "Twins":
        """Return the same pairs under the places that their samples have in a longer list."""
        return self._replace(first=places[self.first], second=places[self.second])


def no_twins() -> Twins:
    """Return no pairs."""
    return twins(np.zeros((0, 2), dtype=np.int64), np.zeros(0), np.zeros(0))


def twins(pairs: Ints, likeness: NDArray[np.floating], bits: NDArray[np.floating]) -> Twins:
    """Return (n, 2) pairs in order, the surest of those that occur more than once."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    order = np.lexsort((-bits, high, low))
    low, high = low[order], high[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(low) != 0) | (np.diff(high) != 0)
    kept = order[new]
    return Twins(low[new], high[new], likeness[kept].astype(float), bits[kept].astype(float))


def group_names(n: int, first: Ints, second: Ints) -> Ints:
    """Return for each of ``n`` samples the number of its group; samples without a twin are groups of one."""
    links = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
