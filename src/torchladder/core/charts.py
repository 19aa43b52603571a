"""A chart as data: what a renderer draws, thinned so that a page of a million steps stays small."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

POINTS = 600  # of a line that is kept: about the pixels of a chart


@dataclass(frozen=True, slots=True)
class Line:
    """One series, x rising; a None in ``y`` is a value that was not finite, and leaves a gap.

    Attributes:
        kind: "line" or "points".
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    kind: str = "line"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis ("x" or "y") that means something."""

    axis: str
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over one axis; ``rung`` is the rung it belongs to, None for the whole report."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    log_x: bool = False
    log_y: bool = False
    rung: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A figure by row (a layer) and column (a step); None where it was not measured, or is not finite."""

    title: str
    x: str
    rows: tuple[str, ...]
    columns: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    log: bool = False
    rung: int | None = None
    note: str | None = None


def line(name: str, x: Sequence[float], y: Sequence[float], *, kind: str = "line", points: int = POINTS) -> Line:
    """Return a series thinned to about ``points``: of each stretch the least and the greatest value are kept.

    Args:
        name: For the legend.
        x: Rising.
        y: As many values; those that are not finite are kept as gaps.
        kind: "line" or "points".
        points: How many to keep.
    """
    n = len(y)
    kept = range(n) if n <= points else sorted(_telling(y, points))
    return Line(name, tuple(float(x[i]) for i in kept), tuple(_finite(y[i]) for i in kept), kind)


def _telling(y: Sequence[float], points: int) -> set[int]:
    """Return the indices of the first and last value, and of each stretch's least, greatest and first non-finite."""
    stretches = max(points // 2, 1)
    kept = {0, len(y) - 1}
    for k in range(stretches):
        part = range(k * len(y) // stretches, (k + 1) * len(y) // stretches)
        finite = [i for i in part if math.isfinite(y[i])]
        if finite:
            kept |= {min(finite, key=y.__getitem__), max(finite, key=y.__getitem__)}
        if len(finite) < len(part):
            kept.add(next(i for i in part if not math.isfinite(y[i])))
    return kept


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def is_steep(values: Sequence[float | None]) -> bool:
    """Tell whether values are better drawn by their logarithm: all above 0, over more than two powers of ten."""
    known = [v for v in values if v is not None]
    return bool(known) and min(known) > 0 and max(known) > 100 * min(known)


def steps_chart(title: str, y: str, lines: Sequence[Line], **more: object) -> Chart:
    """Return a chart over training steps, by the logarithm where that shows more."""
    log = is_steep([v for one in lines for v in one.y])
    return Chart(title, "step", y, tuple(lines), log_y=log, **more)  # type: ignore[arg-type]
