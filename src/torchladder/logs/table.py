"""What every reader returns: named columns of numbers, each with the rows it stands in.

A column need not have a value in every row (validation once an epoch, training at every step). A value that is absent
and a value that is NaN are two things: the first has no row, the second has one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError

Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]


class LogError(UsageError):
    """A log that cannot be read; the message says what it is instead."""


@dataclass(frozen=True)
class Column:
    """A name, and its values with the rows they stand in, in order."""

    name: str
    rows: Rows
    values: Numbers


@dataclass(frozen=True)
class Table:
    """One log.

    Attributes:
        source: The path as the user gave it, or the part of it that is this run.
        form: What kind of log it is, for a reader: "CSV", "TensorBoard events" ...
        rows: How many rows there are.
        first_line: Line of the file that row 0 is on, where each row is a line of its own; else None.
        lines: Line of each row, where rows are lines with others between them.
        notes: What is worth telling about the reading: a torn last line, rows left out.
    """

    source: str
    form: str
    rows: int
    columns: tuple[Column, ...]
    first_line: int | None = None
    lines: Rows | None = None
    notes: tuple[str, ...] = ()

    def line(self, row: int) -> int | None:
        """Return the line of the file that a row is on, None where rows are no lines."""
        if self.lines is not None:
            return int(self.lines[row]) if 0 <= row < len(self.lines) else None
        return self.first_line + row if self.first_line is not None else None

    def column(self, name: str) -> Column | None:
        """Return a column by its name."""
        return next((c for c in self.columns if c.name == name), None)


def full(name: str, values: Numbers) -> Column:
    """Return a column with a value in every row."""
    return Column(name, np.arange(len(values), dtype=np.int64), values)


def number(value: Any) -> float | None:
    """Return what a cell holds as a number; None when it is absent or something else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    share = text.endswith("%")
    try:
        found = float(text.rstrip("%"))
    except ValueError:
        return None
    return found / 100 if share else found


class Gathered:
    """Collects cells row by row, and becomes columns."""

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}
        self._values: dict[str, list[float]] = {}
        self.count = 0

    def row(self, cells: Iterable[tuple[str, Any]]) -> bool:
        """Add one row; cells that are no numbers are left out. Tell whether any was one."""
        any_number = False
        for name, cell in cells:
            value = cell if type(cell) is float else number(cell)
            if value is None:
                continue
            if name not in self._rows:
                self._rows[name], self._values[name] = [], []
            self._rows[name].append(self.count)
            self._values[name].append(value)
            any_number = True
        self.count += 1
        return any_number

    def columns(self) -> tuple[Column, ...]:
        """Return what was collected, in the order in which the names came."""
        return tuple(
            Column(name, np.asarray(rows, dtype=np.int64), np.asarray(self._values[name], dtype=np.float64))
            for name, rows in self._rows.items()
        )


def of_rows(source: str, form: str, rows: Sequence[Mapping[str, Any]], **more: Any) -> Table:
    """Return a table of objects, nested ones flattened with a slash."""
    gathered = Gathered()
    for row in rows:
        gathered.row(flat(row))
    return Table(source, form, gathered.count, gathered.columns(), **more)


def flat(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the cells of an object, those of objects inside it with the outer name before theirs."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value
