"""A split by time: what is trained on is earlier than what is held out."""

import re

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError

Ints = NDArray[np.int64]
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "": 1.0}


def span(text: str) -> float:
    """Return the length of a gap: "7d", "12h", or a number in the units of the column.

    Raises:
        ValueError: If it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", text.strip().lower())
    if match is None:
        msg = f"{text!r} is no length of time such as 7d, 12h or 3"
        raise ValueError(msg)
    return float(match[1]) * UNITS[match[2]]


def in_time(times: NDArray[np.float64], fractions: tuple[float, ...], gap: float, column: str) -> Ints:
    """Return the side of each sample, -1 for those without a time and those in a gap; ties are not torn apart.

    Raises:
        UsageError: If there are too few different times, or the gap swallows a side.
    """
    known = np.flatnonzero(np.isfinite(times))
    order = known[np.argsort(times[known], kind="stable")]
    t = times[order]
    cuts = np.flatnonzero(np.diff(t) > 0) + 1  # places at which another time begins
    if len(cuts) < len(fractions) - 1:
        have = f"{len(cuts) + 1} different time{'s' if len(cuts) else ''}" if len(t) else "no times"
        msg = f"`{column}` holds {have}: too few to split in time into {len(fractions)} sides"
        raise UsageError(msg)
    edges = _edges(cuts, np.cumsum(fractions)[:-1] * len(t))
    sides = np.full(len(times), -1, dtype=np.int64)
    for side, (start, stop) in enumerate(zip([0, *edges], [*edges, len(t)], strict=True)):
        rows = order[start:stop]
        if side and gap:
            rows = rows[times[rows] > t[start - 1] + gap]
        if not len(rows):
            msg = f"a gap of {gap:g} leaves nothing to hold out: all that follows `{column}` {t[start - 1]:g} is within"
            raise UsageError(msg)
        sides[rows] = side
    return sides


def _edges(cuts: Ints, wanted: NDArray[np.float64]) -> list[int]:
    """Return the cuts nearest to where they are wanted, no two the same."""
    edges: list[int] = []
    for i, place in enumerate(wanted):
        after = edges[-1] if edges else 0
        free = cuts[cuts > after]
        free = free[: len(free) - (len(wanted) - 1 - i)] if len(wanted) - 1 - i else free
        edges.append(int(free[np.argmin(np.abs(free - place))]))
    return edges


def first_come(sides: Ints, units: Ints) -> Ints:
    """Return the sides with those samples left out whose unit an earlier side has: they would bring it on two sides."""
    on = sides >= 0
    earliest = np.full(int(units.max(initial=-1)) + 1, len(sides), dtype=np.int64)
    np.minimum.at(earliest, units[on], sides[on])
    return np.where(on & (sides == earliest[units]), sides, -1)
