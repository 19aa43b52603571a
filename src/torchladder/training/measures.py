"""What predictions on a held-out side are worth: by class, confusion, calibration, a threshold for two classes."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 15  # of confidence, as in Guo et al., "On calibration of modern neural networks" (2017)
BINARY = 2
IMBALANCE = 10.0  # largest class to smallest, beyond which accuracy hides the small ones
LOWER_IS_BETTER = ("loss", "rmse", "mae")
COLDEST, HOTTEST = -3.0, 3.0  # logarithms of temperatures that are tried


@dataclass(frozen=True)
class Measured:
    """The figures of one evaluation.

    Attributes:
        values: By name: "accuracy", "macro_recall", "loss" …
        classes: A row a class: name, samples, precision, recall, f1.
        confusion: Samples by true class (rows) and predicted class (columns).
        calibration: Rows of confidence: samples, mean confidence, share that is right.
    """

    values: dict[str, float]
    classes: list[dict[str, Any]] = field(default_factory=list)
    confusion: list[list[int]] = field(default_factory=list)
    calibration: list[dict[str, float]] = field(default_factory=list)


def of_classes(logits: Floats, targets: Ints, names: tuple[str, ...], threshold: float | None = None) -> Measured:
    """Return the figures of a classification.

    Args:
        logits: (n, classes).
        targets: Numbers of the true classes.
        names: Of the classes.
        threshold: Of the second of two classes; None takes the likelier one.
    """
    logs = log_softmax(logits.astype(np.float64))
    p = np.exp(logs)
    guess = p.argmax(1) if threshold is None else (p[:, 1] >= threshold).astype(np.int64)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (targets, guess), 1)
    rows = [_class_row(confusion, k, name) for k, name in enumerate(names)]
    there = [r for r in rows if r["samples"]]
    values = {
        "accuracy": float((guess == targets).mean()),
        "macro_recall": float(np.mean([r["recall"] for r in there])),
        "macro_f1": float(np.mean([r["f1"] for r in there])),
        "loss": float(-logs[np.arange(len(targets)), targets].mean()),
    }
    bins = calibration(p, targets)
    values["calibration_error"] = sum(b["samples"] * abs(b["confidence"] - b["right"]) for b in bins) / len(targets)
    if len(names) == BINARY and len(there) == BINARY:
        from sklearn.metrics import average_precision_score, roc_auc_score

        values["auroc"] = float(roc_auc_score(targets, p[:, 1]))
        values["auprc"] = float(average_precision_score(targets, p[:, 1]))
    return Measured(values, rows, confusion.tolist(), bins)


def _class_row(confusion: Ints, k: int, name: str) -> dict[str, Any]:
    right, samples, given = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
    return {
        "class": name,
        "samples": samples,
        "precision": right / given if given else 0.0,
        "recall": right / samples if samples else 0.0,
        "f1": 2 * right / (samples + given) if samples + given else 0.0,
    }


def of_values(outputs: Floats, targets: Floats, mean: float, std: float) -> Measured:
    """Return the figures of a regression, in the units of the labels.

    Args:
        outputs: Of the model, standardised.
        targets: Standardised labels.
        mean: Of the training labels.
        std: Of the training labels.
    """
    guess = outputs.reshape(len(targets)).astype(np.float64) * std + mean
    truth = targets.astype(np.float64) * std + mean
    error = guess - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return Measured({
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - float((error**2).sum()) / spread if spread else 0.0,
        "loss": float(((error / std) ** 2).mean()),
    })


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithms of the probabilities."""
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def calibration(p: Floats, targets: Ints) -> list[dict[str, float]]:
    """Return how often predictions of each confidence are right; empty bins are left out."""
    sure, guess = p.max(1), p.argmax(1)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    right = guess == targets
    return [
        {"samples": int(at.sum()), "confidence": float(sure[at].mean()), "right": float(right[at].mean())}
        for b in range(BINS)
        if (at := place == b).any()
    ]


def temperature(logits: Floats, targets: Ints) -> float:
    """Return the number by which logits are divided so that the loss is least; above 1 the model is too sure."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        logs = log_softmax(logits.astype(np.float64) / math.exp(log_t))
        return float(-logs[np.arange(len(targets)), targets].mean())

    return math.exp(float(minimize_scalar(loss, bounds=(COLDEST, HOTTEST), method="bounded").x))


def best_threshold(logits: Floats, targets: Ints) -> tuple[float, float]:
    """Return the threshold of the second of two classes with the best F1 on these samples, and that F1."""
    p = np.exp(log_softmax(logits.astype(np.float64)))[:, 1]
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(targets[order] == 1)
    taken = np.arange(1, len(p) + 1)
    f1 = 2 * hits / (taken + max(int((targets == 1).sum()), 1))
    last = np.append(np.diff(p[order]) != 0, [True])  # equal probabilities are on one side of any threshold
    at = int(np.argmax(np.where(last, f1, -1.0)))
    below = p[order][at + 1] if at + 1 < len(p) else 0.0
    return float((p[order][at] + below) / 2), float(f1[at])


def chosen_metric(asked: str, classes: int, counts: Ints | None) -> str:
    """Return the metric by which the best weights are chosen."""
    if asked != "auto":
        return asked
    if not classes or counts is None:
        return "rmse"
    return "macro_f1" if counts.max() > IMBALANCE * max(int(counts.min()), 1) else "accuracy"


def better(name: str, value: float, best: float | None) -> bool:
    """Tell whether a metric's value is better than the best one so far; NaN never is."""
    if not math.isfinite(value):
        return False
    if best is None:
        return True
    return value < best if name in LOWER_IS_BETTER else value > best
