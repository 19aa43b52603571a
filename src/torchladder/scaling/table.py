"""Finished runs from a CSV, TSV, JSON or JSON lines file: which column is what, and which rows say nothing."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.scaling.allocation import FLOPS
from torchladder.scaling.runs import Run

NAMES = {
    "loss": ("loss", "valloss", "validationloss", "evalloss", "testloss", "heldoutloss", "finalloss", "l", "ce", "nll"),
    "parameters": ("n", "parameters", "params", "nparams", "numparams", "nparameters", "modelsize"),
    "samples": ("d", "samples", "tokens", "ntokens", "numtokens", "trainingtokens", "traintokens", "nsamples", "data",
                "examples", "dataset", "datasetsize", "trainsamples", "trainingsamples", "datasize"),
    "flops": ("c", "flops", "compute", "trainingflops", "trainflops", "totalflops", "flop"),
    "name": ("name", "run", "runname", "id", "runid", "model", "label"),
}  # fmt: skip
UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
NUMBER = re.compile(r"([-+]?[\d.]+(?:e[-+]?\d+)?)([kmbgt]?)", re.IGNORECASE)
LARGEST = 64 << 20  # bytes of a file that is read


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a file, with its name and line."""

    name: str
    run: Run
    line: int | None = None
    flops: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The runs of a file, and what was noticed when they were read."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read(path: Path) -> Table:
    """Return the runs of a file.

    Raises:
        UsageError: If it cannot be read, or holds no runs.
    """
    try:
        if path.stat().st_size > LARGEST:
            msg = f"{path} is larger than any table of runs"
            raise UsageError(msg)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise UsageError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path} is no text; a CSV or JSON file with columns such as N, D and loss is needed"
        raise UsageError(msg) from None
    if not text.strip():
        msg = f"{path} is empty"
        raise UsageError(msg)
    records = _json(text, path) if text.lstrip()[0] in "[{" else _csv(text)
    return of_records(records, str(path))


def _csv(text: str) -> list[tuple[int | None, Mapping[str, Any]]]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t|", key=head.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    return [(reader.line_num, row) for row in reader]


def _json(text: str, path: Path) -> list[tuple[int | None, Mapping[str, Any]]]:
    try:
        data = json.loads(text)
    except ValueError:
        return _lines(text, path)
    if isinstance(data, Mapping):
        inner = next((v for v in data.values() if isinstance(v, list) and v and isinstance(v[0], Mapping)), None)
        columns = {k: v for k, v in data.items() if isinstance(v, list)}
        if inner is None and columns:
            return [(None, dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=False)]
        data = inner or [data]
    return [(None, row) for row in data if isinstance(row, Mapping)]


def _lines(text: str, path: Path) -> list[tuple[int | None, Mapping[str, Any]]]:
    found: list[tuple[int | None, Mapping[str, Any]]] = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            msg = f"{path} is neither JSON nor JSON lines (line {n})"
            raise UsageError(msg) from None
        if isinstance(row, Mapping):
            found.append((n, row))
    return found


def number(value: Any) -> float | None:
    """Return a number, also of words such as "70M" and "1.4e12"; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    match = NUMBER.fullmatch(str(value).strip().replace(",", "").replace("_", ""))
    try:
        return None if match is None else float(match[1]) * UNITS.get(match[2].lower(), 1.0)
    except ValueError:
        return None


def columns_of(keys: Sequence[str]) -> dict[str, str]:
    """Return which column is what; the first name of each list that is there wins."""
    plain = {re.sub(r"[^a-z0-9]", "", str(k).lower()): k for k in reversed(keys)}
    found = {}
    for role, names in NAMES.items():
        match = next((plain[n] for n in names if n in plain), None)
        if match is not None:
            found[role] = match
    return found


def of_records(records: Sequence[tuple[int | None, Mapping[str, Any]]], path: str) -> Table:
    """Return the runs of rows of named values.

    Raises:
        UsageError: If no column is a loss or a size, or no row is a run.
    """
    keys = list(dict.fromkeys(str(k) for _, row in records for k in row))
    columns = columns_of(keys)
    if "loss" not in columns or not {"parameters", "samples", "flops"} & columns.keys():
        shown = ", ".join(map(str, keys[:8])) or "nothing"
        msg = f"{path} needs a column loss, and N (parameters), D (samples or tokens) or both; it has {shown}"
        raise UsageError(msg)
    rows, lost = [], 0
    for i, (line, record) in enumerate(records, 1):
        row = _row(record, columns, i, line)
        lost += row is None
        rows += [row] if row is not None else []
    if not rows:
        msg = f"{path} has no row with a loss above 0 and a size above 0"
        raise UsageError(msg)
    notes = [f"{lost} of {len(records)} rows have no usable loss or size and were left out"] if lost else []
    told = ", ".join(
        f"{columns[role]} is {role}" for role in ("loss", "parameters", "samples", "flops") if role in columns
    )
    return Table(tuple(rows), (f"columns: {told}", *notes))


def _row(record: Mapping[str, Any], columns: Mapping[str, str], i: int, line: int | None) -> Row | None:
    values = {role: number(record.get(columns[role])) for role in columns if role != "name"}
    loss, n, d, flops = (values.get(k) for k in ("loss", "parameters", "samples", "flops"))
    if flops and n and not d:
        d = flops / FLOPS / n
    elif flops and d and not n:
        n = flops / FLOPS / d
    sizes = [v for v in (n, d) if v is not None]
    if loss is None or loss <= 0 or not sizes or any(v <= 0 for v in sizes):
        return None
    name = str(record.get(columns.get("name", "")) or f"row {i}")
    return Row(name, Run(loss, samples=d, parameters=n), line, flops or (FLOPS * n * d if n and d else None))


def named_run(text: str, rows: Sequence[Row]) -> Row:
    """Return the run that ``--run`` means: the name of a row, or "N=7e9,D=1.4e12,loss=1.98".

    Raises:
        UsageError: If there is no such run.
    """
    for row in rows:
        if row.name == text:
            return row
    pairs = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    columns = columns_of(list(pairs))
    row_made = _row(pairs, columns, 0, None) if "loss" in columns else None
    if row_made is None:
        msg = f"no row is called {text!r}, and it is not of the form N=7e9,D=1.4e12,loss=1.98"
        raise UsageError(msg)
    return Row(str(pairs.get(columns.get("name", ""), text)), row_made.run, None, row_made.flops)
