"""Whether probabilities mean what they say: expected calibration error, and the temperature that repairs them.

After Guo et al., On Calibration of Modern Neural Networks, 2017; bins of equal mass after Nguyen and O'Connor, 2015.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from torchladder.mistakes.predictions import Floats, Ints
from torchladder.mistakes.scores import logs, softmax

BINS = 15
PER_BIN = 10  # predictions a bin holds at least
LOG_SPAN = 4.0  # temperatures from e^-4 to e^4
CELLS_MAX = 400_000  # scores that one or two parameters are fitted to, about


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of similar confidence: how many, their mean confidence, and the share of them that is right."""

    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of the probabilities.

    Attributes:
        ece: Expected calibration error.
        bins: The reliability table, least confident first.
        temperature: By which to divide the logits, None where only the answer's confidence is known.
        before, after: Negative log-likelihood without and with a temperature fitted to the other half.
        ece_after: Expected calibration error with it.
    """

    ece: float
    bins: tuple[Bin, ...]
    temperature: float | None = None
    before: float | None = None
    after: float | None = None
    ece_after: float | None = None


def bins_of(confidence: Floats, right: Floats) -> tuple[Bin, ...]:
    """Return bins that hold equally many predictions."""
    n = len(confidence)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, max(1, min(BINS, n // PER_BIN)))
    return tuple(Bin(len(i), float(confidence[i].mean()), float(right[i].mean())) for i in parts if len(i))


def expected_error(bins: tuple[Bin, ...]) -> float:
    """Return the mean distance of confidence and accuracy."""
    n = sum(b.count for b in bins)
    return sum(b.count * abs(b.confidence - b.accuracy) for b in bins) / max(n, 1)


def likelihood(logits: Floats, truth: Ints, temperature: float) -> float:
    """Return the mean negative log-likelihood at a temperature."""
    scaled = logits / temperature
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float((total - scaled[np.arange(len(truth)), truth]).mean())


def step_of(scores: Floats) -> int:
    """Return every how many-th prediction is enough to fit a few parameters: some hundreds of them at least."""
    n, k = scores.shape
    return max(1, int(n) // max(CELLS_MAX // int(k), 1000))


def temperature_of(logits: Floats, truth: Ints) -> float:
    """Return the temperature of the least negative log-likelihood."""
    step = step_of(logits)
    logits, truth = logits[::step], truth[::step]
    found = minimize_scalar(
        lambda log_t: likelihood(logits, truth, float(np.exp(log_t))),
        bounds=(-LOG_SPAN, LOG_SPAN),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def calibrate(proba: Floats | None, confidence: Floats, truth: Ints, guess: Ints, halves: Ints) -> Calibration:
    """Return how well calibrated predictions are.

    Args:
        proba: (N, K), None where only the confidence of the answer is known.
        confidence: (N,) of the answers.
        truth: (N,) classes.
        guess: (N,) answers.
        halves: (N,) 0 or 1: a temperature is fitted to one half and measured on the other.
    """
    right = (truth == guess).astype(float)
    bins = bins_of(confidence, right)
    if proba is None:
        return Calibration(expected_error(bins), bins)
    logits = logs(proba)
    after, scaled, before = 0.0, confidence.copy(), 0.0
    for half in (0, 1):
        own, other = halves == half, halves != half
        if not own.any() or not other.any():
            return Calibration(expected_error(bins), bins)
        t = temperature_of(logits[other], truth[other])
        before += likelihood(logits[own], truth[own], 1.0) * own.mean()
        after += likelihood(logits[own], truth[own], t) * own.mean()
        scaled[own] = softmax(logits[own] / t)[np.arange(own.sum()), guess[own]]
    whole = temperature_of(logits, truth)
    return Calibration(
        expected_error(bins), bins, whole, before, after, expected_error(bins_of(scaled, right))
    )  # fmt: skip


def noisy_temperature(proba: Floats, truth: Ints) -> tuple[float, float]:
    """Return the temperature and the share of labels drawn at random that explain the labels best, together.

    The labels are taken as drawn from (1 - share) softmax(logits / temperature) + share / K: wrong labels would else
    be answered by a higher temperature, and doubt would be cast on every prediction for them.
    """
    step = step_of(proba)
    logits, y = logs(proba[::step]), truth[::step]
    rows, k = np.arange(len(y)), proba.shape[1]

    def loss(x: Floats) -> float:
        share = expit(x[1])
        p = softmax(logits / np.exp(np.clip(x[0], -LOG_SPAN, LOG_SPAN)))[rows, y]
        return float(-np.log((1 - share) * p + share / k).mean())

    start = np.array([np.log(temperature_of(logits, y)), -4.0])
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-7, "maxiter": 200})
    return float(np.exp(np.clip(found.x[0], -LOG_SPAN, LOG_SPAN))), float(expit(found.x[1]))
