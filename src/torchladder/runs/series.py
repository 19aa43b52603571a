"""What a run measured, read from its folder: loss curves, and the layers at the last samples."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.runs.layout import ALERTS, METRICS, RING, SAMPLES
from torchladder.runs.lines import last_rows, rows, spread_rows, value_of
from torchladder.runs.ring import ring_rows

WHOLE_BYTES = 32_000_000  # half a million steps, read in about two seconds; of more, steps spread over the run are
SPREAD = 20_000
LAST_SAMPLES = 8  # a sample is of one optimizer's parameters; there may be several
QUANTITIES = {
    "gradient": "gradient",
    "weight": "weight",
    "update": "update",
    "output.mean": "mean",
    "output.std": "std",
    "output.zeros": "zeros",
}


@dataclass(frozen=True, slots=True)
class Curve:
    """A series by step, in order; ``whole`` unless only a part of a long run was read."""

    name: str
    steps: list[int]
    values: list[float]
    whole: bool

    def best(self) -> tuple[int, float] | None:
        """Return the step of the lowest value and that value, None if no value is a number."""
        pairs = [(v, s) for s, v in zip(self.steps, self.values, strict=True) if math.isfinite(v)]
        return min(pairs)[::-1] if pairs else None


@dataclass
class Layer:
    """A layer at the last sample: norms over its parameters, and figures of its output; None where not measured."""

    name: str
    gradient: float | None = None
    weight: float | None = None
    update: float | None = None
    mean: float | None = None
    std: float | None = None
    zeros: float | None = None


def loss_curves(folder: Path) -> list[Curve]:
    """Return the loss of every optimizer that had one, "loss" first."""
    file = folder / METRICS
    try:
        whole = file.stat().st_size <= WHOLE_BYTES
    except OSError:
        return []
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for row in rows(file) if whole else spread_rows(file, SPREAD):
        for name, value in row.items():
            if name.partition(".")[0] == "loss":
                found[name][row["step"]] = value_of(value)
    newest = max((step for curve in found.values() for step in curve), default=-1)
    for row in ring_rows(folder / RING, newest):
        for name in row.keys() - {"step"}:
            if name.partition(".")[0] == "loss":
                found[name][row["step"]] = row[name]
    curves = []
    for name in sorted(found):
        steps = sorted(found[name])  # losses that were read late stand behind later steps
        curves.append(Curve(name, steps, [found[name][s] for s in steps], whole))
    return curves


def alerts(folder: Path) -> list[dict[str, Any]]:
    """Return every alert: "step", "time", "finding"."""
    return [row for row in rows(folder / ALERTS) if isinstance(row.get("finding"), dict)]


def last_layers(folder: Path) -> tuple[int | None, list[Layer]]:
    """Return the step of the last sample, and the layers in the order in which the model has them."""
    latest: dict[str, float] = {}
    step = None
    for row in last_rows(folder / SAMPLES, LAST_SAMPLES):
        step = row.pop("step", None)
        row.pop("time", None)
        latest.update({name: value_of(value) for name, value in row.items()})
    return step, layers_of(latest)


def layers_of(sample: dict[str, float]) -> list[Layer]:
    """Return the layers of a sample; parameters of one layer are taken together.

    The norm over several parameters is the root of the sum of squares. A layer's update ratio weighs those of its
    parameters by their norms, as one tensor of them all would have it.
    """
    layers: dict[str, Layer] = {}
    of: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for key, value in sample.items():
        quantity, slash, name = key.partition("/")
        if not slash or quantity not in QUANTITIES:
            continue
        is_output = quantity.startswith("output.")
        layer = name if is_output else name.rpartition(".")[0] or name
        layers.setdefault(layer, Layer(layer))
        if is_output:
            setattr(layers[layer], QUANTITIES[quantity], value)
        else:
            of[layer][quantity][name] = value
    for name, measured in of.items():
        layer_row, weights = layers[name], measured["weight"]
        layer_row.gradient = _norm(measured["gradient"].values())
        layer_row.weight = _norm(weights.values())
        ratios = [(ratio, weights.get(parameter, 0.0)) for parameter, ratio in measured["update"].items()]
        if layer_row.weight:
            layer_row.update = _norm(r * w for r, w in ratios if w) if ratios else None
            layer_row.update = layer_row.update / layer_row.weight if layer_row.update is not None else None
    return list(layers.values())


def _norm(values: Iterable[float]) -> float | None:
    squares = [v * v for v in values]
    return math.sqrt(sum(squares)) if squares else None
