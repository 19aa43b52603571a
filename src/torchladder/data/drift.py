"""Can two sets of samples be told apart, and by what? The classifier two-sample test, and one feature at a time.

After Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, 2017, with the area under the curve of scores out
of fold in place of the accuracy: its distribution without a difference is that of Mann and Whitney's statistic.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from torchladder.core.shift_facts import FeatureShift
from torchladder.data.features import Matrix, standardised
from torchladder.data.probe import FOLDS, folds, out_of_fold

Array = NDArray[Any]

ROWS = 800  # samples of each side
FEWEST = 50
TREES = 40
LEAF = 5
TELLING = 1e-4  # p, after all features were tried, from which one is named
SAID = 5
FEW = 10  # different values of a feature that is compared value by value


@dataclass(frozen=True, slots=True)
class Apart:
    """How well two sides are told apart: area under the curve, and its probability by chance."""

    area: float
    p: float
    n: tuple[int, int]


def told_apart(first: Matrix, second: Matrix) -> Apart | None:
    """Return how well a classifier that never saw a sample tells which side it is from.

    Args:
        first: (N, D) features of one side.
        second: (M, D) the same of the other.
    """
    a, b = _spread(first), _spread(second)
    if min(len(a), len(b)) < FEWEST or a.shape[1] == 0:
        return None
    x = np.concatenate([a, b])
    y = np.repeat([0.0, 1.0], [len(a), len(b)])
    order = np.random.default_rng(1).permutation(len(y))
    x, y = x[order], y[order]
    areas = [area_under(out_of_fold(standardised(x), y[:, None])[:, 0], y), area_under(_trees(x, y), y)]
    best = max(areas)
    error = np.sqrt((len(y) + 1) / (12 * len(a) * len(b)))
    return Apart(best, min(1.0, 2 * float(stats.norm.sf((best - 0.5) / error))), (len(a), len(b)))


def _spread(x: Matrix) -> Matrix:
    return x[np.unique(np.linspace(0, len(x) - 1, min(ROWS, len(x))).astype(int))] if len(x) else x


def _trees(x: Matrix, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores out of fold by randomised trees, which see what no line does."""
    from sklearn.ensemble import ExtraTreesClassifier

    fold = folds(len(y))
    out = np.zeros(len(y))
    for f in range(FOLDS):
        model = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=0, n_jobs=1)
        model.fit(x[fold != f], y[fold != f])
        out[fold == f] = model.predict_proba(x[fold == f])[:, 1]
    return out


def area_under(scores: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the probability that a sample of the second side has the higher score, ties counted half."""
    ranks = stats.rankdata(scores)
    ones = y > 0
    n, m = int(ones.sum()), int((~ones).sum())
    return float((ranks[ones].sum() - n * (n + 1) / 2) / (n * m)) if n and m else 0.5


def telling_features(
    first: Matrix, second: Matrix, names: tuple[str, ...], least: float = 0.1
) -> tuple[FeatureShift, ...]:
    """Return the features whose distributions differ most, by more than chance gives among so many.

    Args:
        first: (N, D) features of one side, as a user would read them.
        second: (M, D) the same of the other.
        names: Of the features.
        least: Distance from which one is worth a word.
    """
    found = []
    for j, name in enumerate(names):
        a, b = first[:, j], second[:, j]
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if min(len(a), len(b)) < FEWEST:
            continue
        distance, p = _distance(a, b)
        if p * len(names) < TELLING and distance >= least:
            found.append(FeatureShift(name, distance, min(1.0, p * len(names)), _words(a), _words(b)))
    return tuple(sorted(found, key=lambda f: -f.distance)[:SAID])


def _distance(a: Array, b: Array) -> tuple[float, float]:
    """Return the largest difference of two distributions and its probability by chance."""
    values = np.unique(np.concatenate([a, b]))
    if len(values) == 1:
        return 0.0, 1.0
    if len(values) <= FEW:
        table = np.array([[(part == v).sum() for v in values] for part in (a, b)])
        shares = table / table.sum(axis=1, keepdims=True)
        return float(np.abs(shares[0] - shares[1]).sum() / 2), float(stats.chi2_contingency(table).pvalue)
    result = stats.ks_2samp(a, b, method="asymp")
    return float(result.statistic), float(result.pvalue)


def _words(values: Array) -> str:
    return f"{values.mean():.3g}"


def class_distance(first: dict[str, int], second: dict[str, int]) -> tuple[float, float]:
    """Return (half the sum of the differences between shares, p) of class counts on two sides."""
    names = sorted(set(first) | set(second))
    table = np.array([[side.get(n, 0) for n in names] for side in (first, second)], dtype=float)
    if len(names) < 2 or (table.sum(axis=1) == 0).any():  # noqa: PLR2004 - one class is always the same
        return 0.0, 1.0
    shares = table / table.sum(axis=1, keepdims=True)
    return float(np.abs(shares[0] - shares[1]).sum() / 2), float(stats.chi2_contingency(table).pvalue)


def drop_by_chance(right: float, n: int, other: float, m: int) -> float:
    """Return the probability that two shares of right answers differ this much, or more, by chance."""
    pooled = (right * n + other * m) / (n + m)
    error = np.sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / n + 1 / m))
    return float(stats.norm.sf((right - other) / error))
