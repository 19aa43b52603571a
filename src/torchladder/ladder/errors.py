"""Rung 7: what the model got wrong on the last held-out pass, recomputed from its own predictions."""

import io
from typing import Any

import numpy as np

from torchladder.core.report import State
from torchladder.ladder.subject import Subject
from torchladder.rules.outcome.held_out import held_out

FILE = "predictions.npz"
CONFUSIONS = 3  # pairs of classes that are named
MANY = 1000  # classes above which confusions are not counted
FEW = 30  # predictions below which one class throughout may be chance
MATRIX = 2

Array = np.ndarray[Any, Any]
Line = tuple[State, str, dict[str, Any], tuple[str, ...]]


def rung_seven(subject: Subject) -> Line:
    """Return state, line, figures and notes of the error analysis; the predictions stay with the subject."""
    if not held_out(subject.facts.evaluations or ()):
        return State.UNKNOWN, "no pass over held-out data was seen", {}, ()
    if subject.predictions is None:
        return State.UNKNOWN, "no targets could be paired with the model's outputs", {}, ()
    try:
        with np.load(io.BytesIO(subject.predictions), allow_pickle=False) as stored:
            output, target = stored["output"], stored["target"]
    except (OSError, ValueError, KeyError):
        return State.UNKNOWN, "the predictions could not be read back", {}, ()
    if subject.keep is not None:
        subject.keep(FILE, subject.predictions)
    return line(output, target)


def line(output: Array, target: Array) -> Line:
    """Return what is shown for predictions (N, K, ...) or (N, ...) against their targets."""
    labels = as_labels(output, target)
    if labels is None:
        gap = output.reshape(-1).astype(float) - target.reshape(-1).astype(float)
        worst = np.abs(gap).max() if gap.size else 0.0
        rmse, mae = float(np.sqrt((gap**2).mean())), float(np.abs(gap).mean())
        figures: dict[str, Any] = {"n": int(gap.size), "rmse": rmse, "mae": mae}
        words = f"{gap.size:,} held-out values: root mean squared error {rmse:.3g}, the largest {worst:.3g}"
        return State.PASSED, words, figures, ()
    guess, truth = labels
    wrong = guess != truth
    n, k = int(truth.size), int(max(guess.max(), truth.max())) + 1
    figures = {"n": n, "wrong": int(wrong.sum()), "accuracy": float(1 - wrong.mean())}
    words = f"{int(wrong.sum()):,} of {n:,} held-out predictions are wrong ({wrong.mean():.1%})"
    if k > MANY or not wrong.any():
        return State.PASSED, words, figures, ()
    if bool((guess == guess[0]).all()) and n >= FEW and np.unique(truth).size > 1:
        share = f"{float((truth == guess[0]).mean()):.1%}"
        words += f"; every prediction is class {int(guess[0])}: {share} right is its share, and no success"
        return State.UNKNOWN, words, figures, ()
    recall = {int(c): float((guess[truth == c] == c).mean()) for c in np.unique(truth)}
    figures["recall"] = recall
    worst_class = min(recall, key=lambda c: recall[c])
    words += f"; class {worst_class} worst, {recall[worst_class]:.0%} of it found"
    pairs = confusions(guess, truth)
    figures["confusions"] = pairs
    notes = tuple(f"{times} of class {true} taken for class {taken}" for true, taken, times in pairs)
    return State.PASSED, words, figures, (("most confused: " + ", ".join(notes)),) if notes else ()


def as_labels(output: Array, target: Array) -> tuple[Array, Array] | None:
    """Return predicted and true class ids, flat and without ignored targets; None for values."""
    if target.dtype.kind in "iu" and output.ndim >= MATRIX:
        for axis in (1, output.ndim - 1):
            if output.shape[:axis] + output.shape[axis + 1 :] == target.shape and output.shape[axis] > 1:
                guess, truth = output.argmax(axis).reshape(-1), target.reshape(-1)
                counted = truth >= 0
                return guess[counted], truth[counted]
    if output.size == target.size and np.isin(target, (0, 1)).all():
        flat = output.reshape(-1)
        mark = 0.5 if flat.size and flat.min() >= 0 and flat.max() <= 1 else 0.0
        return (flat > mark).astype(int), target.reshape(-1).astype(int)
    return None


def confusions(guess: Array, truth: Array) -> list[tuple[int, int, int]]:
    """Return (true class, predicted class, times) of the most frequent mistakes."""
    wrong = guess != truth
    pairs, times = np.unique(np.stack([truth[wrong], guess[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-times, kind="stable")[:CONFUSIONS]
    return [(int(pairs[0, i]), int(pairs[1, i]), int(times[i])) for i in order]
