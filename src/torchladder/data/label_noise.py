"""Confident learning: which labels a model that never saw them contradicts with confidence.

After Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, 2021.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import Matrix
from torchladder.data.neighbours import nearest
from torchladder.data.probe import one_hot, out_of_fold

NEIGHBOURS = 10
SHARPNESS = 8.0  # turns a linear probe's indicator outputs (0 ... 1) into odds


@dataclass(frozen=True, slots=True)
class Noise:
    """What contradicts its label.

    Attributes:
        accuracy: Of the out-of-fold model on the labels as given.
        estimated: Share of wrong labels by the joint of given and true labels.
        candidates: (row, given label, suggested label, confidence), most certain first; off-diagonal cells.
    """

    accuracy: float
    estimated: float
    candidates: tuple[tuple[int, int, int, float], ...]


def probabilities(matrix: Matrix, labels: NDArray[np.generic]) -> Matrix:
    """Return out-of-sample class probabilities (N, C): a linear probe and the neighbours' votes, averaged."""
    y, _ = one_hot(labels)
    linear = np.exp(SHARPNESS * (out_of_fold(matrix, y) - 0.5))
    linear /= linear.sum(axis=1, keepdims=True)
    votes = y[nearest(matrix, NEIGHBOURS)[0]].mean(axis=1)
    return np.asarray((linear + votes) / 2)


def joint(labels: NDArray[np.int64], p: Matrix) -> tuple[Matrix, NDArray[np.int64]]:
    """Return the calibrated joint (C, C) of given and true labels, and the confident label of each row.

    A row counts for the likeliest class among those whose probability reaches the class's threshold: the mean
    probability of the class over the rows that carry its label. Rows that reach none have -1.
    """
    n = p.shape[1]
    thresholds = np.array([p[labels == c, c].mean() if (labels == c).any() else np.inf for c in range(n)])
    reached = np.where(p >= thresholds, p, -1.0)
    confident = np.where(reached.max(axis=1) >= 0, reached.argmax(axis=1), -1)
    counts = np.zeros((n, n))
    np.add.at(counts, (labels[confident >= 0], confident[confident >= 0]), 1.0)
    given = np.bincount(labels, minlength=n)
    rows = counts.sum(axis=1, keepdims=True)
    counts = np.where(rows > 0, counts / np.maximum(rows, 1) * given[:, None], np.diag(given))
    return counts / counts.sum(), confident


def find_noise(matrix: Matrix, labels: NDArray[np.generic], examples: int = 10) -> Noise:
    """Return the labels that are likely wrong.

    Args:
        matrix: (N, D) features.
        labels: (N,) classes as given.
        examples: Candidates to return.
    """
    names, ids = np.unique(labels, return_inverse=True)
    p = probabilities(matrix, labels)
    table, confident = joint(ids, p)
    off = np.flatnonzero((confident >= 0) & (confident != ids))
    margin = p[off, confident[off]] - p[off, ids[off]]
    order = off[np.argsort(-margin, kind="stable")][:examples]
    found = tuple(
        (int(i), int(names[ids[i]]), int(names[confident[i]]), round(float(p[i, confident[i]]), 3)) for i in order
    )
    return Noise(float((p.argmax(axis=1) == ids).mean()), float(1 - np.trace(table)), found)
