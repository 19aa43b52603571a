"""What a run has to draw, read from its folder: losses, rates, gradients, what was held out, and the layers by step."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from torchladder.core.charts import Chart, HeatMap, line, steps_chart
from torchladder.runs.layout import METRICS, SAMPLES
from torchladder.runs.lines import rows, spread_rows, value_of
from torchladder.runs.series import SPREAD, WHOLE_BYTES, layers_of, loss_curves

COLUMNS = 120  # samples of a heat map, spread over the run
ROWS = 60  # layers of a heat map
MAPS = (
    ("gradient", "norm of the gradient, by layer", True),
    ("update", "|update| / |weight| of a step, by layer", True),
    ("zeros", "share of zeros in the outputs, by layer", False),
)
HELD = "held-out "

Points = dict[str, list[tuple[int, float]]]


def charts(folder: Path) -> tuple[Chart, ...]:
    """Return the charts of a run: one of its losses, then one for each other figure that was recorded."""
    losses = [line(c.name.replace("loss", "training", 1), c.steps, c.values) for c in loss_curves(folder)]
    found = _metrics(folder)
    held = found.pop(f"{HELD}loss", [])
    losses += [line("held out", *zip(*held, strict=True), kind="points")] if held else []
    drawn = [steps_chart("loss", "loss", losses)] if losses else []
    for name, points in sorted(found.items(), key=lambda item: (not item[0].startswith(HELD), item[0])):
        steps, values = zip(*points, strict=True)
        if len(set(values)) > 1 or name.startswith(HELD):
            title = "learning rate" + name.removeprefix("lr") if name.partition(".")[0] == "lr" else name
            drawn.append(Chart(title, "step", title, (line(title, steps, values),)))
    return tuple(drawn)


def maps(folder: Path) -> tuple[HeatMap, ...]:
    """Return the layers over the sampled steps."""
    sampled: dict[int, dict[str, float]] = defaultdict(dict)
    for row in spread_rows(folder / SAMPLES, 4 * COLUMNS):
        step = row.pop("step", None)
        row.pop("time", None)
        if step is not None:
            sampled[step] |= {name: value_of(value) for name, value in row.items()}
    every = max(-(-len(sampled) // COLUMNS), 1)
    steps = sorted(sampled)[::every]
    layers = {step: {row.name: row for row in layers_of(sampled[step])} for step in steps}
    names = list(dict.fromkeys(name for rows_ in layers.values() for name in rows_))
    found = []
    for figure, title, log in MAPS:
        shown = [n for n in names if any(_figure(layers[s].get(n), figure) is not None for s in steps)]
        left_out = max(len(shown) - ROWS, 0)
        shown = [*shown[: ROWS // 2], *shown[-(ROWS // 2) :]] if left_out else shown
        values = tuple(tuple(_figure(layers[s].get(n), figure) for s in steps) for n in shown)
        if len({v for row in values for v in row if v is not None}) > 1:
            note = f"{left_out:,} layers in the middle are left out" if left_out else None
            found.append(HeatMap(title, "step", tuple(shown), tuple(map(float, steps)), values, log=log, note=note))
    return tuple(found)


def _figure(layer: Any, name: str) -> float | None:
    value = getattr(layer, name) if layer is not None else None
    return float(f"{value:.4g}") if value is not None and math.isfinite(value) else None


def _metrics(folder: Path) -> Points:
    """Return every figure of the metrics but the losses, by name."""
    file = folder / METRICS
    try:
        whole = file.stat().st_size <= WHOLE_BYTES
    except OSError:
        return {}
    found: Points = defaultdict(list)
    for row in rows(file) if whole else spread_rows(file, SPREAD):
        for name, value in row.items():
            if name not in {"step", "time"} and name.partition(".")[0] != "loss":
                found[name].append((row["step"], value_of(value)))
    return {name: sorted(points) for name, points in found.items()}
