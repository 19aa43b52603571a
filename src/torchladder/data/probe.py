"""A linear probe, out of fold: what can be read off the features at once."""

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import Matrix

FOLDS = 5
RIDGE = 1e-2  # of the mean squared length of a column: keeps columns that repeat each other harmless


def folds(n: int, k: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold 0 ... k - 1 of each of n samples, at random and of equal size."""
    return np.random.default_rng(seed).permutation(np.arange(n) % k)


def fitted(x: Matrix, y: Matrix, ridge: float = RIDGE) -> Matrix:
    """Return the weights (D + 1, C) of a ridge regression with an intercept in the last row."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean_x
    gram = centred.T @ centred
    scale = np.trace(gram) / max(len(gram), 1) or 1.0
    gram[np.diag_indices_from(gram)] += ridge * scale
    weights = np.linalg.solve(gram, centred.T @ (y - mean_y))
    return np.vstack([weights, mean_y - mean_x @ weights])


def predicted(x: Matrix, weights: Matrix) -> Matrix:
    """Return the outputs (N, C) of a fitted regression."""
    return np.asarray(x @ weights[:-1] + weights[-1])


def out_of_fold(x: Matrix, y: Matrix) -> Matrix:
    """Return predictions (N, C) for every row by a regression that has not seen it."""
    fold = folds(len(x))
    out = np.zeros_like(y)
    for f in range(FOLDS):
        out[fold == f] = predicted(x[fold == f], fitted(x[fold != f], y[fold != f]))
    return out


def one_hot(labels: NDArray[np.generic]) -> tuple[Matrix, NDArray[np.generic]]:
    """Return labels as (N, C) indicators, and the C labels."""
    names, ids = np.unique(labels, return_inverse=True)
    return np.eye(len(names))[ids], names


def class_score(x: Matrix, labels: NDArray[np.generic]) -> float:
    """Return the share of rows whose class a linear probe names right, out of fold."""
    y, names = one_hot(labels)
    return float((names[out_of_fold(x, y).argmax(axis=1)] == labels).mean())


def value_score(x: Matrix, values: NDArray[np.generic]) -> float:
    """Return the share of variance a linear probe explains, out of fold; not below 0."""
    y = np.asarray(values, dtype=float).reshape(-1, 1)
    spread = float(((y - y.mean()) ** 2).mean())
    return max(0.0, 1 - float(((out_of_fold(x, y) - y) ** 2).mean()) / spread) if spread > 0 else 0.0
