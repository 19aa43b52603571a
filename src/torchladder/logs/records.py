"""JSON lines: one object a row. Where all lines are alike they are read as one array of numbers."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.logs.table import Column, Gathered, LogError, Numbers, Table, flat, full

CHUNK = 1 << 24
NUMERALS = b"0123456789.+-eE \t\r"
TORN_SHARE = 0.1  # of the lines may be no objects (a banner, a torn line)


def read(path: Path, source: str) -> Table:
    """Return the table of a file of JSON lines.

    Raises:
        LogError: If most of its lines are no objects.
    """
    quick = _quickly(path)
    if quick is not None:
        rows = len(quick[0].values) if quick else 0
        return Table(source, "JSON lines", rows, quick, 1)
    return _carefully(path, source)


def _quickly(path: Path) -> tuple[Column, ...] | None:
    """Return the columns of lines that differ in their numbers only, None when they do not."""
    with path.open("rb") as file:
        first = file.readline()
        try:
            sample = json.loads(first)
        except ValueError:
            return None
        numbers = isinstance(sample, dict) and all(type(v) in {int, float} for v in sample.values())
        if not numbers or not sample:
            return None
        shape = first.rstrip(b"\r\n").translate(None, NUMERALS)
        # A key is cut out as it stands, so no key may be the end of another one: the quotation mark sees to that.
        marks = [json.dumps(k).encode() for k in sample]
        file.seek(0)
        parts: list[Numbers] = []
        while chunk := file.read(CHUNK):
            body = (chunk + file.readline()).replace(b"\r", b"").rstrip(b"\n")
            rows = body.count(b"\n") + 1
            if body.translate(None, NUMERALS) != b"\n".join([shape] * rows):
                return None
            for mark in marks:
                if body.count(mark) != rows:
                    return None
                body = body.replace(mark, b"")
            body = body.replace(b" ", b"").replace(b"}\n{", b",").replace(b":", b"").strip(b"{}")
            values = parsed(body)
            if values is None or len(values) != rows * len(sample):
                return None
            parts.append(values.reshape(rows, len(sample)))
    return tuple(full(k, np.concatenate([p[:, i] for p in parts])) for i, k in enumerate(sample))


def parsed(body: bytes, separator: str = ",") -> Numbers | None:
    """Return the numbers of a text that holds nothing else, None for any other."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(body, dtype=np.float64, sep=separator)
        except (DeprecationWarning, ValueError):
            return None


def _carefully(path: Path, source: str) -> Table:
    gathered = Gathered()
    lines: list[int] = []
    torn: list[int] = []
    with path.open("rb") as file:
        for n, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = _object(line)
            if row is None:
                torn.append(n)
                continue
            gathered.row(flat(row))
            lines.append(n)
    if not lines or len(torn) > max(1.0, TORN_SHARE * len(lines)):
        msg = f"{source}: line {torn[0] if torn else 1} is no JSON object, nor are {max(len(torn) - 1, 0)} more"
        raise LogError(msg)
    notes: tuple[str, ...] = ()
    if torn:
        several = f"{len(torn)} lines that are no JSON objects were left out, the first is line {torn[0]}"
        notes = (f"line {torn[0]} is no JSON object and was left out" if len(torn) == 1 else several,)
    at = np.asarray(lines, dtype=np.int64)
    return Table(source, "JSON lines", gathered.count, gathered.columns(), lines=at, notes=notes)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        made = json.loads(line)
    except ValueError:
        return None
    return made if isinstance(made, dict) else None
