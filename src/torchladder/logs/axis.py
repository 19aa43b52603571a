"""The axis of a log: epochs where held-out values come once an epoch, else steps, else rows; breaks taken out.

A run that was resumed goes back some steps: what it did twice counts as it was done last. A run that begins anew in
the same file leaves nothing of the one before. A counter that begins anew every epoch is none of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torchladder.logs.roles import Role
from torchladder.logs.table import Column, Numbers, Rows, Table

MANY_DROPS = 0.02  # of the rows: a counter within epochs rather than a run that was resumed


@dataclass(frozen=True)
class Axis:
    """Positions of rows. ``places`` has NaN for rows that do not count any more."""

    unit: str
    words: str
    places: Numbers
    breaks: tuple[float, ...] = ()

    def place(self, column: Column) -> tuple[Numbers, Numbers, Rows]:
        """Return positions, values and rows of a column, in order; of two values at one position the later."""
        xs = self.places[column.rows]
        kept = ~np.isnan(xs)
        xs, values, rows = xs[kept], column.values[kept], column.rows[kept]
        if len(xs) > 1 and not (np.diff(xs) > 0).all():
            order = np.argsort(xs, kind="stable")
            xs, values, rows = xs[order], values[order], rows[order]
            last = np.append(xs[1:] != xs[:-1], True)
            xs, values, rows = xs[last], values[last], rows[last]
        return xs, values, rows


def axis_of(table: Table, roles: Sequence[tuple[Column, Role]], judged: Sequence[Column]) -> Axis:
    """Return the axis on which the judged columns stand, the most telling of them first."""
    for kind in ("epoch", "step"):
        for column in (c for c, r in roles if r.kind == kind and len(c.values)):
            counted = _spread(column, table.rows)
            if _is_counter(counted):
                continue
            if kind == "epoch" and not _tells_apart(counted, judged[0]) and _has_steps(roles, table.rows, judged[0]):
                continue
            places, breaks = _without_repeats(counted)
            if kind == "epoch" and not all(_once(counted, c) for c in judged):
                places = _within(places)
            return Axis(kind, f"axis: {column.name}", places, breaks)
    return Axis("row", "axis: rows, for no column counts epochs or steps", np.arange(table.rows, dtype=np.float64) + 1)


def _spread(column: Column, rows: int) -> Numbers:
    """Return the counter in every row; in rows without it, what the row before had (Lightning writes them apart)."""
    values = np.full(rows, np.nan)
    finite = np.isfinite(column.values)
    values[column.rows[finite]] = column.values[finite]
    known = np.flatnonzero(~np.isnan(values))
    if len(known) in {0, rows}:
        return values
    before = np.clip(np.searchsorted(known, np.arange(rows), side="right") - 1, 0, None)
    return values[known[before]]


def _is_counter(values: Numbers) -> bool:
    """Tell whether a column begins anew again and again, as the number of a batch does, or never counts."""
    drops = np.flatnonzero(np.diff(values) < 0)
    if len(drops) < 2:  # noqa: PLR2004 - a resume or two
        return len(values) > 1 and bool((values == values[0]).all())
    same = len(np.unique(values[drops + 1])) == 1
    return same or len(drops) > MANY_DROPS * len(values) + 2


def _tells_apart(values: Numbers, column: Column) -> bool:
    here = values[column.rows]
    return len(np.unique(here)) > 0.8 * len(here) or not (np.diff(here) == 0).any()


def _once(values: Numbers, column: Column) -> bool:
    """Tell whether a column has one value an epoch at the most; a run that was resumed may have two of some."""
    here = values[column.rows]
    return not (np.diff(here) == 0).any()


def _has_steps(roles: Sequence[tuple[Column, Role]], rows: int, judged: Column) -> bool:
    steps = (c for c, r in roles if r.kind == "step" and len(c.values))
    return any(not _is_counter(v) and _tells_apart(v, judged) for v in (_spread(c, rows) for c in steps))


def _without_repeats(values: Numbers) -> tuple[Numbers, tuple[float, ...]]:
    """Take out what was done again later; return the positions that count and where the run went on."""
    drops = np.flatnonzero(np.diff(values) < 0) + 1
    if not len(drops):
        return values, ()
    kept = values.copy()
    for at in drops:
        back = kept[:at]
        back[back >= values[at]] = np.nan
    return kept, tuple(float(values[at]) for at in drops)


def _within(places: Numbers) -> Numbers:
    """Spread several rows of one epoch evenly up to its end, where they are more than a row of each kind."""
    known = np.flatnonzero(~np.isnan(places))
    if not len(known):
        return places
    here = places[known]
    starts = np.flatnonzero(np.append(True, np.diff(here) != 0))
    sizes = np.diff(np.append(starts, len(here)))
    if np.median(sizes) <= 3:  # noqa: PLR2004 - training, validation, learning rate: a row each
        return places
    inside = np.arange(len(here)) - np.repeat(starts, sizes)
    spread = places.copy()
    spread[known] = here - 1 + (inside + 1) / np.repeat(sizes, sizes)
    return spread
