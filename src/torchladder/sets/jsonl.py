"""Records of JSONL files, one a line, as the rows of a table."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.files import is_gzip, opened, printable, ranges, stamp
from torchladder.sets.lines import Lines, in_order, index_of, pieces
from torchladder.sets.roles import columns_of, inferred
from torchladder.sets.source import Columns
from torchladder.sets.typed import is_prose, table_block

SAMPLED = 2000


@dataclass
class JsonSource:
    """A file of JSON records, one a line."""

    path: Path
    name: str
    columns: Columns
    names: tuple[str, ...]
    numbers: frozenset[str]
    lines: Lines | None
    kind: Kind
    told: tuple[str, ...] = ()

    @property
    def rows(self) -> int | None:
        """Lines that are not blank."""
        return self.lines.rows if self.lines is not None else None

    @property
    def grain(self) -> int:
        """Rows that are read at least to get at one."""
        return self.lines.stride if self.lines is not None else 1

    def fingerprint(self) -> str:
        """Return what changes with the file."""
        return stamp([self.path], self.columns, self.names)

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges that begin where a line's place is known; one for a file that is packed."""
        if self.lines is None:
            return [(0, 1 << 62)]
        return ranges(self.lines.rows, max(1, size // self.lines.stride) * self.lines.stride)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows a megabyte or so at a time."""
        with opened(self.path) as stream:
            found = (
                pieces(stream, self.lines, start, stop)
                if self.lines is not None
                else in_order(stream, quote=None, delimiter=",", skip=0)
            )
            for at, data in found:
                lines = [x for x in data.split(b"\n") if x.strip()]
                low, high = max(start - at, 0), min(len(lines), stop - at)
                if low < high:
                    yield self._block(at + low, lines[low:high])
                if at + len(lines) >= stop:
                    return

    def _block(self, start: int, lines: list[bytes]) -> Block:
        records, places, faults = records_of(lines, start)
        names = tuple(f"row {i + 1}" for i in places)
        values: dict[str, Array] = {}
        for column in self.names:
            cells = [r.get(column) for r in records]
            if column in self.numbers:
                values[column] = np.full(len(cells), np.nan)
                for i, cell in enumerate(cells):
                    if isinstance(cell, bool | int | float):
                        values[column][i] = cell
                    elif cell is not None:
                        faults.append(Fault(names[i], "mixed", f"{column!r} holds {str(cell)[:40]!r}, no number"))
            else:
                values[column] = np.array(
                    [c if c is None or isinstance(c, str) else json.dumps(c) for c in cells], object
                )
        return table_block((start, start + len(lines)), places, names, values, self.columns, faults)


def records_of(lines: Sequence[bytes], start: int) -> tuple[list[dict[str, Any]], list[int], list[Fault]]:
    """Return the records of lines, their numbers, and the lines that are none."""
    records, places, faults = [], [], []
    for i, line in enumerate(lines, start):
        try:
            record = json.loads(line)
        except ValueError as error:  # no JSON, or no UTF-8
            faults.append(Fault(f"row {i + 1}", "unreadable", f"no JSON: {str(error)[:80]}"))
            continue
        if isinstance(record, dict):
            records.append(record)
            places.append(i)
        else:
            faults.append(Fault(f"row {i + 1}", "unreadable", "no record of names and values"))
    return records, places, faults


def open_jsonl(path: Path, asked: Columns) -> JsonSource:
    """Return a JSONL file as a source.

    Raises:
        UsageError: If its first lines hold no record.
    """
    name = printable(path)
    lines = None if is_gzip(path) else index_of(path, quote=None, delimiter=",", skip=0)[0]
    with opened(path) as stream:
        head = [x for x in (stream.readline() for _ in range(SAMPLED)) if x.strip()]
    records, _, _ = records_of(head, 0)
    if not records:
        msg = f"{name} holds no JSON records, one a line"
        raise UsageError(msg)
    names = tuple(dict.fromkeys(n for r in records for n in r))
    cells = {n: [r[n] for r in records if r.get(n) is not None] for n in names}
    half = {n: sum(isinstance(c, bool | int | float) for c in v) for n, v in cells.items()}
    numbers = frozenset(n for n, v in cells.items() if half[n] > 0.5 * len(v))
    prose = next((n for n in names if n not in numbers and is_prose([str(c) for c in cells[n]])), None)
    columns = columns_of(names, asked, name, text=prose)
    kind = Kind.TEXT if columns.text is not None else Kind.TABLE
    words = inferred(columns)
    return JsonSource(path, name, columns, names, numbers, lines, kind, (words,) if words else ())
