"""Mistakes that another decision threshold would take away, chosen on one half and counted on the other.

With two classes the threshold is on the score; with more it is one offset a class to the logarithm of its score.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import f1_score

from torchladder.mistakes.bucket import Bucket, at_least
from torchladder.mistakes.predictions import Floats, Ints, Mask, Predictions
from torchladder.mistakes.scores import logs, softmax

TWO = 2
CLASSES_MAX = 50  # classes up to which an offset each is fitted
PER_CLASS = 20  # samples a class for which an offset is fitted
HALF = 0.5
PULL = 1e-3  # keeps offsets of classes that hardly occur near 0
BASE = "no change: those that a new threshold makes are taken off"


@dataclass(frozen=True)
class Threshold:
    """What another threshold would do.

    Attributes:
        gained, lost: Mistakes it takes away, and those it makes.
        value: The threshold on the score of the second of two classes that is best on all, None for offsets.
        offsets: To the logarithm of each class's score, None for two classes.
        f1: Of the second class before, and with a threshold chosen for it on the other half; of two classes.
        f1_value: That threshold.
    """

    gained: Mask
    lost: Mask
    value: float | None = None
    offsets: tuple[float, ...] | None = None
    f1: tuple[float, float] | None = None
    f1_value: float | None = None


def threshold_of(p: Predictions, halves: Ints) -> Threshold | None:
    """Return what another threshold would do, None where there are no scores or too few samples."""
    if p.proba is None or len(p.classes) > CLASSES_MAX or len(p) < PER_CLASS * len(p.classes):
        return None
    if any(len(np.unique(p.truth[halves == h])) < TWO for h in (0, 1)):
        return None
    return _two(p, p.proba[:, 1], halves) if len(p.classes) == TWO else _several(p, p.proba, halves)


def threshold_bucket(p: Predictions, found: Threshold) -> Bucket:
    """Return the bucket of the mistakes that another threshold takes away."""
    gained, lost = int(found.gained.sum()), int(found.lost.sum())
    words = "a decision threshold that fits" if found.value is not None else "decision thresholds that fit"
    everyone = np.ones(len(p), dtype=bool)
    extra = {
        "lost": lost,
        "threshold": found.value,
        "offsets": found.offsets and dict(zip(p.classes, found.offsets, strict=True)),
    }
    return Bucket(
        "threshold", f"repaired by {words}", found.gained, everyone, 0.0, at_least(gained, gained + lost, HALF), BASE,
        rated=False, extra=extra, repaired=gained - lost,
    )  # fmt: skip


def best_accuracy(score: Floats, positive: Mask) -> float:
    """Return the threshold with the fewest mistakes: ``score > threshold`` is the second class."""
    order = np.argsort(score, kind="stable")
    s, y = score[order], positive[order].astype(int)
    errors = np.concatenate([[0], np.cumsum(y)]) + np.concatenate([[0], np.cumsum(1 - y)])[-1]
    errors = errors - np.concatenate([[0], np.cumsum(1 - y)])
    return _between(s, errors, least=True)


def best_f1(score: Floats, positive: Mask) -> float:
    """Return the threshold with the largest F1 of the second class."""
    order = np.argsort(score, kind="stable")
    s, y = score[order], positive[order].astype(int)
    hits = y.sum() - np.concatenate([[0], np.cumsum(y)])
    called = len(y) - np.arange(len(y) + 1)
    return _between(s, 2 * hits / np.maximum(called + y.sum(), 1), least=False)


def _between(s: Floats, values: Floats, *, least: bool) -> float:
    """Return the middle between the two scores where a value is best, nearest to one half among equals."""
    edges = np.concatenate([[s[0] - 1e-6], (s[1:] + s[:-1]) / 2, [s[-1] + 1e-6]])
    allowed = np.concatenate([[True], s[1:] > s[:-1], [True]])
    key = np.where(allowed, values if least else -values, np.inf)
    ties = np.flatnonzero(key == key.min())
    return float(edges[ties[np.argmin(np.abs(edges[ties] - HALF))]])


def _two(p: Predictions, score: Floats, halves: Ints) -> Threshold:
    positive = p.truth == 1
    guess, by_f1 = p.guess.copy(), p.guess.copy()
    for half in (0, 1):
        own, other = halves == half, halves != half
        guess[own] = score[own] > best_accuracy(score[other], positive[other])
        by_f1[own] = score[own] > best_f1(score[other], positive[other])
    right, now = guess == p.truth, ~p.wrong
    f1 = tuple(float(f1_score(positive, g == 1, zero_division=0.0)) for g in (p.guess, by_f1))
    return Threshold(
        right & ~now, now & ~right, best_accuracy(score, positive), f1=(f1[0], f1[1]),
        f1_value=best_f1(score, positive),
    )  # fmt: skip


def _several(p: Predictions, proba: Floats, halves: Ints) -> Threshold:
    logits = logs(proba)
    guess = p.guess.copy()
    for half in (0, 1):
        own, other = halves == half, halves != half
        guess[own] = (logits[own] + offsets(logits[other], p.truth[other])).argmax(axis=1)
    right, now = guess == p.truth, ~p.wrong
    whole = offsets(logits, p.truth)
    return Threshold(right & ~now, now & ~right, offsets=tuple(round(float(v), 4) for v in whole))


def offsets(logits: Floats, truth: Ints) -> Floats:
    """Return the offset of each class with the least negative log-likelihood; their mean is 0."""
    k = logits.shape[1]
    share = np.bincount(truth, minlength=k) / len(truth)

    def loss(b: Floats) -> tuple[float, Floats]:
        scaled = softmax(logits + b)
        nll = -np.log(np.maximum(scaled[np.arange(len(truth)), truth], 1e-300)).mean() + PULL * (b**2).sum()
        return float(nll), scaled.mean(axis=0) - share + 2 * PULL * b

    found = minimize(loss, np.zeros(k), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return np.asarray(found.x - found.x.mean())
