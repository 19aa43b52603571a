"""What a leak between groups is worth: samples of known groups against samples of new ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.shift_facts import GapFact
from torchladder.data.features import Matrix

FOLDS = 4
TREES = 60
FEWEST = 100
FEW_GROUPS = 4


def gap(matrix: Matrix, labels: NDArray[Any], groups: NDArray[Any], *, classes: bool) -> GapFact | None:
    """Return what trees reach when folds are drawn at random, and when they keep groups whole.

    Args:
        matrix: (N, D) features of samples of all sides.
        labels: (N,) classes or values.
        groups: (N,) the group of each.
        classes: Which of the two labels are.
    """
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.model_selection import GroupKFold, KFold, cross_val_predict

    names, where = np.unique(groups.astype(str), return_inverse=True)
    if len(labels) < FEWEST or len(names) < FEW_GROUPS:
        return None
    kind = ExtraTreesClassifier if classes else ExtraTreesRegressor
    model = kind(TREES, min_samples_leaf=2, random_state=0, n_jobs=1)
    known = cross_val_predict(model, matrix, labels, cv=KFold(FOLDS, shuffle=True, random_state=0))
    new = cross_val_predict(model, matrix, labels, cv=GroupKFold(FOLDS), groups=where)
    chance = float(np.unique(labels, return_counts=True)[1].max() / len(labels)) if classes else 0.0
    return GapFact(
        _score(known, labels, classes=classes), _score(new, labels, classes=classes), chance, len(labels), len(names)
    )


def _score(given: NDArray[Any], labels: NDArray[Any], *, classes: bool) -> float:
    if classes:
        return float((given == labels).mean())
    return float(1 - ((given - labels) ** 2).mean() / max(float(labels.var()), 1e-12))
