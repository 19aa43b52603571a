"""Do samples that resemble each other have resembling labels? The probe that needs no model."""

import math

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import Matrix

Ints = NDArray[np.int64]
NEIGHBOURS = 5


def nearest(matrix: Matrix, k: int = NEIGHBOURS, among: Matrix | None = None) -> tuple[Ints, Matrix]:
    """Return indices and distances (N, k) of the nearest rows, a row itself left out.

    Args:
        matrix: (N, D) rows.
        k: How many neighbours, at most N - 1.
        among: (M, D) rows to search instead of ``matrix`` itself.
    """
    pool = matrix if among is None else among
    k = min(k, len(pool) - (among is None))
    distances = squared_distances(matrix, pool)
    if among is None:
        np.fill_diagonal(distances, np.inf)
    found = np.argpartition(distances, k - 1, axis=1)[:, :k]
    near = np.take_along_axis(distances, found, axis=1)
    order = np.argsort(near, axis=1)
    return np.take_along_axis(found, order, axis=1), np.sqrt(np.take_along_axis(near, order, axis=1))


def squared_distances(a: Matrix, b: Matrix) -> Matrix:
    """Return (N, M) squared Euclidean distances, rounding never below 0."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0, out=squares))


def agreement(labels: NDArray[np.generic], neighbours: Ints) -> float:
    """Return the share of (sample, neighbour) pairs with equal labels."""
    return float((labels[neighbours] == labels[:, None]).mean())


def expected_agreement(labels: NDArray[np.generic]) -> float:
    """Return the share of equal labels among random pairs."""
    counts = np.unique(labels, return_counts=True)[1].astype(float)
    n = counts.sum()
    return float((counts * (counts - 1)).sum() / (n * (n - 1))) if n > 1 else 1.0


def correlation(values: NDArray[np.generic], neighbours: Ints) -> float:
    """Return the correlation of a value with the mean over its neighbours; 0 where nothing varies."""
    own, theirs = np.asarray(values, dtype=float), np.asarray(values, dtype=float)[neighbours].mean(axis=1)
    spread = own.std() * theirs.std()
    return float(((own - own.mean()) * (theirs - theirs.mean())).mean() / spread) if spread > 0 else 0.0


def surprise(labels: NDArray[np.generic], neighbours: Ints, *, classes: bool = True) -> tuple[float, float, float]:
    """Return (score, chance, z): agreement or correlation, what chance gives, and how many errors lie between.

    Pairs that share a sample are not independent; the error is that of N samples, not of N x k pairs.
    """
    n = len(labels)
    if not classes:
        r = correlation(labels, neighbours)
        return r, 0.0, r * math.sqrt(n)
    chance = expected_agreement(labels)
    score = agreement(labels, neighbours)
    error = math.sqrt(max(chance * (1 - chance), 1e-9) / n)
    return score, chance, (score - chance) / error
