"""The usual figures of a classifier: per class, over all, and which classes are taken for which."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from torchladder.mistakes.predictions import Ints, Predictions

TWO = 2
RANKED_MAX = 200  # classes up to which areas under curves are computed, one class against the rest each


@dataclass(frozen=True, slots=True)
class Pair:
    """Two classes taken for each other: ``forth`` samples of the first for the second, ``back`` the other way."""

    first: int
    second: int
    forth: int
    back: int

    @property
    def count(self) -> int:
        """Return the mistakes in both directions."""
        return self.forth + self.back


def pairs_of(truth: Ints, guess: Ints, k: int) -> list[Pair]:
    """Return the confused pairs, most frequent first; the direction that occurs more often gives their order."""
    wrong = truth != guess
    codes, times = np.unique(truth[wrong] * k + guess[wrong], return_counts=True)
    counts = {(int(c) // k, int(c) % k): int(t) for c, t in zip(codes, times, strict=True)}
    found = []
    for (a, b), forth in counts.items():
        back = counts.get((b, a), 0)
        if forth > back or (forth == back and a < b):
            found.append(Pair(a, b, forth, back))
    return sorted(found, key=lambda p: (-p.count, p.first, p.second))


def figures(p: Predictions) -> dict[str, Any]:
    """Return everything that is known of the whole set, as JSON holds it."""
    k = len(p.classes)
    ids = np.arange(k)
    precision, recall, f1, support = precision_recall_fscore_support(
        p.truth, p.guess, labels=ids, average=None, zero_division=0.0
    )
    present = support > 0
    return {
        "samples": len(p),
        "mistakes": int(p.wrong.sum()),
        "accuracy": float(1 - p.wrong.mean()),
        "balanced_accuracy": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        **_areas(p),
        "classes": [
            {
                "name": p.classes[i],
                "support": int(support[i]),
                "precision": float(precision[i]) if (p.guess == i).any() else None,
                "recall": float(recall[i]) if present[i] else None,
                "f1": float(f1[i]) if present[i] else None,
            }
            for i in ids
        ],
    }


def _areas(p: Predictions) -> dict[str, float | None]:
    """Return the areas under both curves: of the second of two classes, or the mean of one class against the rest."""
    if p.scores is None or len(p.classes) > RANKED_MAX:
        return {"auroc": None, "auprc": None}
    k = len(p.classes)
    asked = [1] if k == TWO else [i for i in range(k) if (p.truth == i).any() and not (p.truth == i).all()]
    ranked = p.proba if p.proba is not None else p.scores
    areas, precisions = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that do not occur, which are left out
        for i in asked:
            is_class = p.truth == i
            if is_class.any() and not is_class.all():
                areas.append(roc_auc_score(is_class, ranked[:, i]))
                precisions.append(average_precision_score(is_class, ranked[:, i]))
    return {
        "auroc": float(np.mean(areas)) if areas else None,
        "auprc": float(np.mean(precisions)) if precisions else None,
    }


def confusions(p: Predictions, most: int = 20) -> list[dict[str, Any]]:
    """Return the most confused pairs, both directions together."""
    wrong = max(int(p.wrong.sum()), 1)
    return [
        {
            "pair": [p.classes[pair.first], p.classes[pair.second]],
            "count": pair.count,
            "forth": pair.forth,
            "back": pair.back,
            "share": pair.count / wrong,
        }
        for pair in pairs_of(p.truth, p.guess, len(p.classes))[:most]
    ]
