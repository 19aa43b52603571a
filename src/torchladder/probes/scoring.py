"""Predictions against targets: what kind of answers they are, and how many are right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchladder.probes.tensors import MATRIX

CLASSES_MAX = 100_000  # distinct targets counted: vocabularies included
TINY = 1e-12


@dataclass
class Score:
    """Sums over the batches of one pass; ``counts`` are targets by class."""

    kind: str
    right: float = 0.0
    scored: int = 0
    squared: float = 0.0
    total: float = 0.0
    total_squared: float = 0.0
    shares: list[float] | None = None
    counts: dict[int, int] | None = None

    def add(self, other: "Score") -> None:
        """Take in another batch of the same kind."""
        self.right += other.right
        self.scored += other.scored
        self.squared += other.squared
        self.total += other.total
        self.total_squared += other.total_squared
        self.shares = [*(self.shares or []), *(other.shares or [])]
        counts = self.counts or {}
        for key, n in (other.counts or {}).items():
            counts[key] = counts.get(key, 0) + n
        self.counts = counts


def kind_of(output: torch.Tensor, target: torch.Tensor) -> str | None:
    """Return "classes", "binary" or "values" for an output and what it is compared with, None when neither fits."""
    if output.dim() == 0 or target.numel() == 0 or not output.is_floating_point():
        return None
    if class_axis(output, target) is not None:
        return "classes"
    if output.numel() != target.numel():
        return None
    flat = target.reshape(-1)
    if bool(((flat == 0) | (flat == 1)).all()):
        return "binary"
    return "values" if target.is_floating_point() else None


def class_axis(output: torch.Tensor, target: torch.Tensor) -> int | None:
    """Return the axis of (N, K, ...) or (N, ..., K) outputs that holds K classes for integral targets."""
    if target.is_floating_point() or target.dtype == torch.bool or output.dim() < MATRIX:
        return None
    shape, wanted = tuple(output.shape), tuple(target.shape)
    for axis in (1, output.dim() - 1):
        if shape[:axis] + shape[axis + 1 :] == wanted and shape[axis] > 1:
            return axis
    return None


@torch.no_grad()
def score(output: torch.Tensor, target: torch.Tensor) -> Score | None:
    """Return how one batch of outputs did. Reads a few numbers from the device."""
    kind = kind_of(output, target)
    if kind == "classes":
        axis = class_axis(output, target)
        assert axis is not None
        return _labels(output.argmax(axis), target)
    flat, wanted = output.reshape(-1), target.reshape(-1)
    if kind == "binary":
        unit = bool(((flat >= 0) & (flat <= 1)).all())
        return _labels((flat > (0.5 if unit else 0.0)).long(), wanted.long(), kind="binary")
    if kind == "values":
        wanted = wanted.double()
        return Score(
            "values",
            scored=wanted.numel(),
            squared=float((flat.double() - wanted).square().sum()),
            total=float(wanted.sum()),
            total_squared=float(wanted.square().sum()),
        )
    return None


def _labels(guess: torch.Tensor, target: torch.Tensor, kind: str = "classes") -> Score | None:
    counted = target >= 0
    n = int(counted.sum())
    if n == 0:
        return None
    right = int((guess == target)[counted].sum())
    ids, numbers = torch.unique(target[counted], return_counts=True)
    counts = {int(i): int(c) for i, c in zip(ids[:CLASSES_MAX], numbers, strict=False)}
    return Score(kind, right=right, scored=n, shares=[right / n], counts=counts)


def merged(scores: list[Score | None]) -> Score | None:
    """Return the sum of the scores of the most frequent kind."""
    known = [s for s in scores if s is not None]
    if not known:
        return None
    kinds = [s.kind for s in known]
    kind = max(kinds, key=kinds.count)
    total = Score(kind)
    for s in known:
        if s.kind == kind:
            total.add(s)
    return total


def figures(total: Score) -> dict[str, Any]:
    """Return the figures of a pass: accuracy against the majority share, or error against the variance."""
    n = total.scored
    if total.kind == "values":
        mean = total.total / n
        return {"kind": "values", "error": total.squared / n, "blind": max(total.total_squared / n - mean**2, 0.0)}
    shares = np.array(list((total.counts or {}).values()), dtype=float) / n
    return {
        "kind": total.kind,
        "accuracy": total.right / n,
        "majority": float(shares.max()),
        "blind": float(-(shares * np.log(shares + TINY)).sum()),
    }
