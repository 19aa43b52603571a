"""What predictions say of labels, on one side as on another: the same prediction, the same answer?

A model that was fitted on one side is right there more often than elsewhere, so figures of the sides cannot be set
against each other. What can be asked is whether held-out labels follow from the predictions in another way than
training's do: answers to each prediction are learned from some held-out samples and tried on the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from torchladder.data.probe import FOLDS, folds

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

SAID = 3  # predictions whose answers differ, named
ALIKE = 0.1  # classes this near to training's shares have the same
BINS = 10  # of predictions that are probabilities


@dataclass(frozen=True, slots=True)
class Relation:
    """Predictions beside labels.

    Attributes:
        train: Score on training samples, of predictions read as training's labels suggest; ``held`` on held-out ones.
        anew: On held-out samples, out of fold, of predictions read as held-out labels suggest.
        gain: What that is better than predictions read as in training, with the doubt that overfitting deserves.
        p: Probability that reading anew is better as often by chance (sign test over the samples that it changes).
        moved: (prediction, answer in training, answer on the held-out side, its share there), commonest first.
    """

    train: float
    held: float
    anew: float
    gain: float
    p: float
    moved: tuple[tuple[int, int, int, float], ...] = ()


def of_classes(train: tuple[Ints, Ints], held: tuple[Ints, Ints], meant: Ints, k: int) -> Relation:
    """Return how classes follow from predictions.

    An overfitted model is doubted best by giving the commonest class instead: that is no other relation, as long as
    classes have the shares that they have in training.

    Args:
        train: Predictions and labels, by number.
        held: The same of the held-out side.
        meant: The class that each prediction means by itself, for those that training never made.
        k: How many classes there are.
    """
    (f, y), (g, z) = train, held
    shape = len(meant), k
    ours = _answers(f, y, np.full(shape[0], -1), shape)
    usual = np.where(ours >= 0, ours, meant)
    shares = [np.bincount(v, minlength=shape[1]) / len(v) for v in (y, z)]
    alike = np.abs(shares[0] - shares[1]).sum() / 2 <= ALIKE
    common = int(shares[0].argmax())
    anew, doubted = np.zeros(len(g), dtype=bool), np.zeros(len(g), dtype=bool)
    fold = folds(len(g))
    for part in range(FOLDS):
        seen, new = fold != part, fold == part
        anew[new] = _answers(g[seen], z[seen], usual, shape)[g[new]] == z[new]
        doubt = _answers(g[seen], z[seen], usual, shape, only=common) if alike else usual
        doubted[new] = doubt[g[new]] == z[new]
    theirs = _answers(g, z, usual, shape)
    counts = np.bincount(g, minlength=shape[0])
    changed = [int(c) for c in np.argsort(-counts) if counts[c] and theirs[c] != usual[c]][:SAID]
    moved = tuple((c, int(usual[c]), int(theirs[c]), float((z[g == c] == theirs[c]).mean())) for c in changed)
    scores = (float((usual[f] == y).mean()), float((usual[g] == z).mean()), float(anew.mean()))
    return Relation(*scores, float(anew.mean() - doubted.mean()), _sign_test(anew, doubted), moved)


def _answers(f: Ints, y: Ints, default: Ints, shape: tuple[int, int], *, only: int | None = None) -> Ints:
    """Return the commonest label beside each prediction (or ``only`` one of them), the usual one where two are."""
    table = np.zeros(shape)
    np.add.at(table, (f, y), 1.0)
    if only is not None:
        allowed = np.eye(shape[1])[default]
        allowed[:, only] = 1.0
        table *= allowed
    best = table.argmax(axis=1)
    known = table.max(axis=1) > np.where(default >= 0, table[np.arange(shape[0]), default], 0.0)
    return np.where(known, best, default)


def of_values(train: tuple[Vector, Vector], held: tuple[Vector, Vector]) -> Relation:
    """Return how values follow from predictions: by a line.

    Predictions of an overfitted model are too far from their mean: to shrink them is no other relation.
    """
    (f, y), (g, z) = train, held
    slope, start = _line(f, y)
    usual = slope * g + start
    anew, doubted = np.zeros(len(g)), np.zeros(len(g))
    fold = folds(len(g))
    for k in range(FOLDS):
        seen, new = fold != k, fold == k
        there = _line(usual[seen], z[seen])
        anew[new] = there[0] * usual[new] + there[1]
        centre = usual[seen].mean()
        doubted[new] = centre + min(max(there[0], 0.0), 1.0) * (usual[new] - centre)
    own, *scores = (_explained(a, v) for a, v in ((slope * f + start, y), (usual, z), (anew, z), (doubted, z)))
    off, other = (z - doubted) ** 2, (z - anew) ** 2
    return Relation(own, scores[0], scores[1], scores[1] - scores[2], _sign_test(other < off, off < other))


def _explained(answers: Vector, values: Vector) -> float:
    """Return the share of variance that answers explain, not below 0."""
    return max(0.0, 1 - float(((values - answers) ** 2).mean()) / max(float(values.var()), np.finfo(float).tiny))


def _line(f: Vector, y: Vector) -> tuple[float, float]:
    spread = float(f.var())
    slope = float(((f - f.mean()) * (y - y.mean())).mean()) / spread if spread > 0 else 0.0
    return slope, float(y.mean() - slope * f.mean())


def _sign_test(better: NDArray[np.bool_], worse: NDArray[np.bool_]) -> float:
    wins, losses = int((better & ~worse).sum()), int((worse & ~better).sum())
    return float(stats.binomtest(wins, wins + losses, alternative="greater").pvalue) if wins + losses else 1.0


def binned(parts: tuple[Vector, Vector]) -> tuple[tuple[Ints, Ints], Ints]:
    """Return probabilities of both sides by the tenth of all that they are in, and the class that each means."""
    both = np.concatenate(parts)
    edges = np.unique(np.quantile(both, np.linspace(0, 1, BINS + 1)[1:-1]))
    first, second = (np.searchsorted(edges, p, side="right").astype(np.int64) for p in parts)
    places = np.concatenate([first, second])
    counts = np.maximum(np.bincount(places, minlength=BINS), 1)
    means = np.bincount(places, weights=both, minlength=BINS) / counts
    return (first, second), (means >= 0.5).astype(np.int64)  # noqa: PLR2004 - more likely than not
