"""The metrics of a run by their names: how each went, where it ended, what was best."""

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from torchladder.runs.layout import METRICS, RING
from torchladder.runs.lines import rows, value_of
from torchladder.runs.ring import ring_rows

LATE_SHARE = 0.05  # of the steps, over which a loss that every step has is averaged: one batch alone says little
_LOWER = re.compile(r"(?i)(loss|error|mae|mse|nll|perplexity|ece|brier|cross.?entropy)\b|\berr\b")
_HIGHER = re.compile(r"(?i)(accuracy|acc|f1|auroc|auprc|auc|precision|recall|r2|map|iou|dice|score|top.?[15])\b")
_NOT_COMPUTED = re.compile(r"(?i)(/s$|per second|seconds|\btime\b|memory|bytes)")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric over a run.

    Attributes:
        final: The last value; of a loss at every step the mean over the last twentieth of them.
        best: None where nobody knows whether more or less is better.
        best_step: The step of ``best``.
    """

    name: str
    steps: list[int]
    values: list[float]
    final: float
    best: float | None
    best_step: int | None


def scalars(folder: Path) -> dict[int, dict[str, float]]:
    """Return everything that was recorded of each step, exactly; without what depends on the clock."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for row in rows(folder / METRICS):
        step = row.pop("step", None)
        row.pop("time", None)
        if isinstance(step, int):
            found[step].update({k: value_of(v) for k, v in row.items() if not _NOT_COMPUTED.search(k)})
    for row in ring_rows(folder / RING, max(found, default=-1)):
        found[row["step"]].update({k: v for k, v in row.items() if k != "step"})
    return dict(found)


def metrics_of(folder: Path) -> dict[str, Metric]:
    """Return the metrics of a run by name; learning rates are none."""
    series: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    found = scalars(folder)
    for step in sorted(found):
        for name, value in found[step].items():
            if name.partition(".")[0] != "lr":
                series[name][0].append(step)
                series[name][1].append(value)
    return {name: _metric(name, steps, values) for name, (steps, values) in sorted(series.items(), key=_order)}


def lower_is_better(name: str) -> bool | None:
    """Tell which way a metric is better by its name, None if the name does not say."""
    if _LOWER.search(name):
        return True
    return False if _HIGHER.search(name) else None


def _order(item: tuple[str, object]) -> tuple[bool, str]:
    return item[0].partition(".")[0] != "loss", item[0]


def _metric(name: str, steps: list[int], values: list[float]) -> Metric:
    late = values[-max(1, round(LATE_SHARE * len(values))) :] if name.partition(".")[0] == "loss" else values[-1:]
    best, best_step = None, None
    lower = lower_is_better(name)
    pairs = [(v, s) for v, s in zip(values, steps, strict=True) if math.isfinite(v)]
    if lower is not None and pairs:
        best, best_step = min(pairs) if lower else max(pairs, key=lambda pair: (pair[0], -pair[1]))
    return Metric(name, steps, values, sum(late) / len(late), best, best_step)
