"""CSV, TSV and their relatives: a header, then rows; a long one is read as one array of numbers.

Empty cells are absent values (Lightning writes training and validation in rows of their own).
"""

import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torchladder.logs.table import Column, Gathered, LogError, Numbers, Table, number

if TYPE_CHECKING:
    from _csv import Reader

CHUNK = 1 << 24
SEPARATORS = (",", "\t", ";", "|")
ABSENT = -1.7e308  # stands for an empty cell while a chunk is read
ODD_SHARE = 0.02  # of the rows may have another number of cells; more of them is a file of another kind
LOOKED_AT = 20  # lines that the separator is judged by
_DECIMAL_COMMA = re.compile(r"^\s*-?\d+,\d+\s*$")


def separator_of(lines: list[str]) -> str | None:
    """Return the separator that cuts the first lines into equally many cells, two or more; None if there is none."""
    best: tuple[float, int] = (0.0, 0)
    found = None
    for sep in SEPARATORS:
        counts = [len(next(csv.reader([line], delimiter=sep), [])) for line in lines]
        cells, times = Counter(counts).most_common(1)[0]
        share = times / len(counts)
        if cells > 1 and (share, cells) > best and counts[0] > 1:
            best, found = (share, cells), sep
    return found


def read(path: Path, source: str) -> Table:
    """Return the table of a delimited file.

    Raises:
        LogError: If its rows do not have the cells that its header names.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16).decode("utf-8", "replace").lstrip("\ufeff")
    whole = head.splitlines()
    before = next((i for i, line in enumerate(whole) if line.strip() and not line.startswith("#")), 0)
    lines = [line for line in whole[before:] if line.strip()][:LOOKED_AT]
    sep = separator_of(lines)
    if sep is None:
        msg = f"{source}: no separator cuts its lines into the same number of cells"
        raise LogError(msg)
    names = [cell.strip() for cell in next(csv.reader([lines[0]], delimiter=sep))]
    headless = sum(number(n) is not None for n in names) > len(names) // 2
    if headless:
        names = [f"column {i + 1}" for i in range(len(names))]
    names = _distinct(names)
    skipped = before + (0 if headless else 1)
    columns = _quickly(path, sep, names, skipped)
    form = {",": "CSV", "\t": "TSV"}.get(sep, f"table cut at {sep!r}")
    notes = ("it has no header: name the columns by number, --train 'column 2'",) if headless else ()
    if columns is not None:
        rows = len(columns[0]) if columns else 0
        kept = tuple(_present(n, c) for n, c in zip(names, columns, strict=True))
        return Table(source, form, rows, tuple(c for c in kept if len(c.values)), skipped + 1, notes=notes)
    return _carefully(path, source, form, sep, names, skipped, notes)


def _distinct(names: list[str]) -> list[str]:
    """Return the names, those that come twice with a number behind, those without one by their place."""
    seen: Counter[str] = Counter()
    made = []
    for i, name in enumerate(names):
        word = name or f"column {i + 1}"
        seen[word] += 1
        made.append(word if seen[word] == 1 else f"{word} ({seen[word]})")
    return made


def _present(name: str, values: Numbers) -> Column:
    rows = np.flatnonzero(values != ABSENT)
    return Column(name, rows.astype(np.int64), values[rows])


def _quickly(path: Path, sep: str, names: list[str], skipped: int) -> list[Numbers] | None:
    """Return the columns of a file that holds nothing but numbers, None when anything else is in it."""
    width = len(names)
    parts: list[Numbers] = []
    with path.open("rb") as file:
        for _ in range(skipped):
            file.readline()
        while chunk := file.read(CHUNK):
            chunk += file.readline()
            made = _parsed(chunk, sep.encode(), width)
            if made is None:
                return None
            parts.append(made)
    if not parts:
        return None
    return [np.concatenate([p[:, i] for p in parts]) for i in range(width)]


def _parsed(chunk: bytes, sep: bytes, width: int) -> Numbers | None:
    if b'"' in chunk or b"%" in chunk or (sep == b";" and b"," in chunk):
        return None
    body = chunk.replace(b"\r", b"").rstrip(b"\n")
    rows = body.count(b"\n") + 1
    if body.count(sep) != rows * (width - 1) or b"\n\n" in body:
        return None
    body = sep + body.replace(b"\n", sep) + sep
    empty = sep + str(ABSENT).encode() + sep
    for _ in range(2):  # neighbours share a separator
        body = body.replace(sep + sep, empty)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            flat = np.fromstring(body[1:-1], dtype=np.float64, sep=sep.decode() if sep != b"\t" else " ")
        except (DeprecationWarning, ValueError):
            return None
    return flat.reshape(rows, width) if len(flat) == rows * width else None


def _carefully(
    path: Path, source: str, form: str, sep: str, names: list[str], skipped: int, notes: tuple[str, ...]
) -> Table:
    """Read row by row: words, quotes, dates, rows of other lengths."""
    gathered = Gathered()
    odd: list[int] = []
    lines: list[int] = []
    width = len(names)
    text = io.TextIOWrapper(path.open("rb"), encoding="utf-8", errors="replace", newline="")
    with text:
        for _ in range(skipped):
            text.readline()
        reader = csv.reader(text, delimiter=sep)
        row: list[str] = []
        for row in _rows(reader, source):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != width:
                odd.append(reader.line_num + skipped)
                continue
            if sep == ";":
                row = [c.replace(",", ".") if _DECIMAL_COMMA.match(c) else c for c in row]  # noqa: PLW2901
            gathered.row(zip(names, row, strict=True))
            lines.append(reader.line_num + skipped)
    last_only = len(odd) == 1 and row and len(row) != width
    if not last_only and len(odd) > max(1.0, ODD_SHARE * (gathered.count + len(odd))):
        msg = (
            f"{source}: line {odd[0]} does not have the {width} cells that its header names, nor have "
            f"{len(odd) - 1} more; are separators mixed?"
        )
        raise LogError(msg)
    if last_only:
        notes = (*notes, "its last line is torn, and was left out")
    elif odd:
        notes = (*notes, f"{len(odd)} rows of another length were left out, the first on line {odd[0]}")
    return Table(source, form, gathered.count, gathered.columns(), lines=np.asarray(lines, dtype=np.int64), notes=notes)


def _rows(reader: "Reader", source: str) -> Iterator[list[str]]:
    """Yield the rows; a file that the csv module refuses gets its sentence."""
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            msg = f"{source}: cannot be read as a table: {error} (line {reader.line_num})"
            raise LogError(msg) from None
        if row is None:
            return
        yield row
