"""Which samples are worth comparing: those of which some part is equal, found by sorting the parts."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

REACH = 3  # samples after one in the sorted order that it is paired with: bounds the pairs where many parts are equal


def pairs_by_band(bands: list[Keys], reach: int = REACH) -> Ints:
    """Return (n, 2) places, each pair once, of samples with an equal key in at least one band.

    Args:
        bands: (N,) keys each.
        reach: Of more samples with one key, each is paired with so many; groups hang together all the same.
    """
    found = [np.zeros(0, dtype=np.int64)]
    n = len(bands[0]) if bands else 0
    for keys in bands:
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        for step in range(1, reach + 1):
            same = np.flatnonzero(ranked[step:] == ranked[:-step])
            a, b = order[same], order[same + step]
            found.append(np.minimum(a, b) * n + np.maximum(a, b))
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // max(n, 1), codes % max(n, 1)], axis=1)


def mixed(values: NDArray[np.uint64]) -> Keys:
    """Return well-mixed 64-bit numbers, equal where the values are (the finalizer of splitmix64)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def combined(columns: NDArray[np.uint64]) -> Keys:
    """Return one number per row of (N, C), depending on every value and its column."""
    salts = mixed(np.arange(1, columns.shape[1] + 1, dtype=np.uint64))
    return mixed(mixed(columns + salts).sum(axis=1, dtype=np.uint64))
