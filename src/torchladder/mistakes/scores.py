"""Scores as probabilities: logits, probabilities and independent scores are told apart by their values."""

from typing import NamedTuple

import numpy as np

from torchladder.mistakes.predictions import Floats

SUM_ERROR = 0.01  # by which the probabilities of a row may miss 1: they were rounded
MOSTLY = 0.99  # share of rows that must sum to 1
LEAST = 1e-12  # probability that stands for 0 in a logarithm


class Scored(NamedTuple):
    """Scores (N, K) and what they are: "probabilities", "logits" or "independent scores"."""

    scores: Floats
    proba: Floats | None
    kind: str


def softmax(logits: Floats) -> Floats:
    """Return the softmax of each row."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def logs(proba: Floats) -> Floats:
    """Return the logarithms of probabilities, which serve as logits."""
    return np.asarray(np.log(np.maximum(proba, LEAST)))


def scored(scores: Floats) -> Scored:
    """Return (N, K) scores with the probabilities they stand for; independent ones stand for none."""
    low, high = float(scores.min()), float(scores.max())
    if low < 0 or high > 1:
        return Scored(scores, softmax(scores), "logits")
    sums = scores.sum(axis=1)
    if (np.abs(sums - 1) <= SUM_ERROR).mean() >= MOSTLY and bool((sums > 0).all()):
        return Scored(scores, scores / sums[:, None], "probabilities")
    return Scored(scores, None, "independent scores")


def two_class(score: Floats) -> Scored:
    """Return one score of the second of two classes as (N, 2)."""
    if score.min() < 0 or score.max() > 1:
        p = 1 / (1 + np.exp(-np.clip(score, -500, 500)))
        return Scored(np.stack([-score, score], axis=1), np.stack([1 - p, p], axis=1), "logits")
    both = np.stack([1 - score, score], axis=1)
    return Scored(both, both, "probabilities")
