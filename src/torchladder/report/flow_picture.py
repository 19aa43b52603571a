"""The flow of gradients through a model as a picture: over its depth at three moments, and over the whole run."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.core.errors import UsageError
from torchladder.core.layers import EXPLODING, UPDATE, VANISHING, Course, LayerCourse, sampled
from torchladder.report.text import clean

if TYPE_CHECKING:
    import numpy as np

NAMES_MAX = 40  # layers that are named; of more, every second, third …
NAME_LENGTH = 24
COLUMNS_MAX = 400  # steps of the heat map
COLOURS = ("#9ecae1", "#4292c6", "#08306b")  # first, middle, last sample
ORDINARY = "#2ca02c"


def flow_picture(layers: Sequence[LayerCourse], path: str | Path, *, title: str = "") -> Path:
    """Draw the picture and return its path; the suffix chooses the format (.png, .svg, .pdf).

    Raises:
        UsageError: If no layer's gradient was sampled, or the format is none that can be drawn.
    """
    rows = [row for row in layers if row.gradient.steps]
    steps = sampled(rows)
    if not rows:
        msg = "there is nothing to draw: no layer's gradient was sampled"
        raise UsageError(msg)
    from matplotlib.figure import Figure  # no pyplot: the program's own figures and backend stay as they are

    height = 6.0 + 0.18 * min(len(rows), NAMES_MAX)
    figure = Figure(figsize=(12, height), layout="constrained")
    grid = figure.add_gridspec(2, 2)
    moments = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
    _gradients(figure.add_subplot(grid[0, 0]), rows, moments)
    _updates(figure.add_subplot(grid[0, 1]), rows, moments)
    _heat(figure, figure.add_subplot(grid[1, :]), rows, steps)
    figure.suptitle(title or f"gradients of {len(rows)} layers, {len(steps)} samples")
    target = Path(path)
    try:
        figure.savefig(target, dpi=110)
    except ValueError as error:  # matplotlib's word for a format it does not know
        msg = f"cannot draw {target.name}: {str(error).partition(chr(10))[0]}"
        raise UsageError(msg) from error
    return target


def _gradients(axes: Any, rows: Sequence[LayerCourse], moments: Sequence[int]) -> None:
    """Draw root mean square and largest element over the depth."""
    for step, colour in zip(moments, _colours(moments), strict=True):
        axes.plot(_over_depth(rows, "gradient", step), color=colour, marker="o", ms=3, label=f"step {step:,}")
        largest = _over_depth(rows, "largest", step)
        if any(math.isfinite(v) for v in largest):
            axes.plot(largest, color=colour, ls=":", lw=1)
    _finish(axes, rows, "|gradient|, root mean square; dotted: largest", (VANISHING, EXPLODING))


def _updates(axes: Any, rows: Sequence[LayerCourse], moments: Sequence[int]) -> None:
    """Draw |update| / |weight| over the depth."""
    for step, colour in zip(moments, _colours(moments), strict=True):
        axes.plot(_over_depth(rows, "update", step), color=colour, marker="o", ms=3, label=f"step {step:,}")
    _finish(axes, rows, "|update| / |weight|", UPDATE)


def _finish(axes: Any, rows: Sequence[LayerCourse], title: str, ordinary: tuple[float, float]) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.axhspan(*ordinary, color=ORDINARY, alpha=0.08, lw=0)
    for edge in ordinary:
        if low / 100 <= edge <= high * 100:  # an edge far away would only flatten the curves
            axes.axhline(edge, color=ORDINARY, lw=0.8, ls="--")
            low, high = min(low, edge / 2), max(high, edge * 2)
    axes.set_ylim(low, high)
    axes.set_title(f"{title} (healthy: {ordinary[0]:g} to {ordinary[1]:g})", fontsize=10)
    ticks = _ticks(len(rows))
    axes.set_xticks(ticks, [_name(rows[i].name) for i in ticks], rotation=60, ha="right", fontsize=7)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(fontsize=7, framealpha=0.5)


def _heat(figure: Any, axes: Any, rows: Sequence[LayerCourse], steps: Sequence[int]) -> None:
    """Draw the gradient of each layer over the samples; what is no number, and what is zero, in colours of its own."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    stride = -(-len(steps) // COLUMNS_MAX)
    kept = [*steps[:-1:stride], steps[-1]] if len(steps) > 1 else list(steps)
    values = _matrix(rows, kept)
    shown = colormaps["viridis"].with_extremes(bad="#d62728", under="black")
    finite = values[(values > -math.inf) & (values < math.inf)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    values[values == math.inf] = math.nan
    image = axes.imshow(
        values, aspect="auto", interpolation="nearest", cmap=shown, vmin=low, vmax=max(high, low + 1e-3)
    )
    figure.colorbar(image, ax=axes, label="log10 |gradient|, root mean square")
    ticks = _ticks(len(rows))
    axes.set_yticks(ticks, [_name(rows[i].name) for i in ticks], fontsize=7)
    columns = sorted({round(i * (len(kept) - 1) / 11) for i in range(12)})
    axes.set_xticks(columns, [f"{kept[i]:,}" for i in columns], fontsize=7)
    axes.set_xlabel("sampled step (the first steps are sampled more often: not to scale)", fontsize=8)
    axes.set_title("each layer over the run", fontsize=10)
    odd = [
        Patch(color=colour, label=label)
        for colour, label, seen in (
            ("#d62728", "not finite, or not measured", any(math.isnan(v) for v in values.flat)),
            ("black", "zero", bool((values == -math.inf).any())),
        )
        if seen
    ]
    if odd:
        axes.legend(handles=odd, fontsize=7, loc="upper right")


def _matrix(rows: Sequence[LayerCourse], steps: Sequence[int]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return log10 of the gradients: NaN where there is none, -Inf for 0."""
    import numpy as np

    tables = [dict(zip(row.gradient.steps, row.gradient.values, strict=True)) for row in rows]
    values = np.array([[table.get(s, math.nan) for s in steps] for table in tables], dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.log10(values)


def _over_depth(rows: Sequence[LayerCourse], quantity: str, step: int) -> list[float]:
    """Return one figure of each layer; NaN, which is not drawn, where there is none or none above 0."""
    courses: list[Course] = [getattr(row, quantity) for row in rows]
    found = [course.at(step) for course in courses]
    return [v if v is not None and v > 0 and math.isfinite(v) else math.nan for v in found]


def _colours(moments: Sequence[int]) -> tuple[str, ...]:
    return COLOURS[-len(moments) :]


def _ticks(count: int) -> list[int]:
    return list(range(0, count, -(-count // NAMES_MAX)))


def _name(name: str) -> str:
    """Return a layer's name, its end if it is long; a dollar sign would start mathematics."""
    name = clean(name)
    return ("…" + name[1 - NAME_LENGTH :] if len(name) > NAME_LENGTH else name).replace("$", r"\$")
