"""One column alone against all others: the mark of a column that was made from the target."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import Matrix
from torchladder.data.neighbours import nearest
from torchladder.data.probe import class_score, folds, value_score

BINS = 32
SMOOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Stump:
    """Scores are out of fold: the share of right classes, or of explained variance."""

    column: int
    alone: float
    rest: float
    chance: float


def strongest(table: Matrix, labels: NDArray[np.generic], *, classes: bool) -> Stump:
    """Return the column that predicts best by itself, and what all other columns together reach.

    Args:
        table: (N, D) standardised columns.
        labels: Classes or values.
        classes: Which of the two.
    """
    scores = [binned_score(column, labels, classes=classes) for column in table.T]
    best = int(np.argmax(scores))
    return without(table, labels, (best,), scores[best], classes=classes)


def without(
    table: Matrix, labels: NDArray[np.generic], columns: tuple[int, ...], alone: float, *, classes: bool
) -> Stump:
    """Return what all columns but some reach together, beside the score that these have."""
    others = np.delete(table, columns, axis=1)
    chance = float(np.unique(labels, return_counts=True)[1].max() / len(labels)) if classes else 0.0
    return Stump(columns[0], alone, _together(others, labels, classes=classes), chance)


def binned_score(column: NDArray[np.float64], labels: NDArray[np.generic], *, classes: bool) -> float:
    """Return how well the bin of one column predicts the label, out of fold."""
    cuts = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])
    edges = np.unique([cuts, np.nextafter(cuts, np.inf)])  # a value that many rows share has a bin of its own
    bins = np.searchsorted(edges, column, side="right")
    names, ids = np.unique(labels, return_inverse=True)
    target = np.eye(len(names))[ids] if classes else np.asarray(labels, dtype=float).reshape(-1, 1)
    fold = folds(len(labels))
    out = np.zeros_like(target)
    for f in np.unique(fold):
        seen = fold != f
        sums = np.zeros((len(edges) + 1, target.shape[1]))
        np.add.at(sums, bins[seen], target[seen])
        counts = np.bincount(bins[seen], minlength=len(edges) + 1)[:, None]
        prior = target[seen].mean(axis=0)
        means = (sums + SMOOTHING * prior) / (counts + SMOOTHING)
        out[~seen] = means[bins[~seen]]
    if classes:
        return float((out.argmax(axis=1) == ids).mean())
    spread = float(((target - target.mean()) ** 2).mean())
    return max(0.0, 1 - float(((out - target) ** 2).mean()) / spread) if spread > 0 else 0.0


def _together(table: Matrix, labels: NDArray[np.generic], *, classes: bool) -> float:
    """Return the better of a linear probe and the nearest neighbours."""
    found, _ = nearest(table)
    near = labels[found]
    if not classes:
        values = np.asarray(labels, dtype=float)
        spread = float(values.var())
        close = max(0.0, 1 - float(((near.mean(axis=1) - values) ** 2).mean()) / spread) if spread > 0 else 0.0
        return max(value_score(table, labels), close)
    votes = np.stack([(near == name).sum(axis=1) for name in np.unique(labels)])
    guess = np.unique(labels)[votes.argmax(axis=0)]
    return max(class_score(table, labels), float((guess == labels).mean()))
