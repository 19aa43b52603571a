"""One JSON document: a list of rows, columns as lists (a Keras history), or a trainer's state with a history inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.logs.table import Column, LogError, Table, flat, number, of_rows

HISTORIES = ("log_history", "history", "metrics", "logs", "rows", "records", "data", "epochs", "results")
POINT_VALUES, POINT_STEPS = ("value", "val", "y"), ("step", "epoch", "x", "iteration")
SCALARS = 3  # TensorBoard's download: [wall time, step, value]


def read(path: Path, source: str) -> Table:
    """Return the table of a JSON document.

    Raises:
        LogError: If it is torn, or holds no curves.
    """
    text = path.read_text(encoding="utf-8", errors="replace").lstrip("\ufeff")
    try:
        data = json.loads(text)
    except ValueError as error:
        msg = f"{source}: is not whole JSON ({error})"
        raise LogError(msg) from None
    found = table(data, source)
    if found is None or not found.columns:
        msg = f"{source}: is JSON, but holds neither a list of rows nor columns of numbers"
        raise LogError(msg)
    return found


def table(data: Any, source: str) -> Table | None:
    """Return the table that a parsed document holds, None when there is none."""
    if isinstance(data, list):
        return _of_list(data, source)
    if not isinstance(data, Mapping):
        return None
    if isinstance(data.get("log_history"), list):
        return of_rows(source, "Trainer state", [r for r in data["log_history"] if isinstance(r, Mapping)])
    lists = {str(k): v for k, v in flat(data) if isinstance(v, list)}
    numeric = {k: v for k, v in lists.items() if v and all(number(x) is not None or x is None for x in v)}
    if numeric:
        return _of_columns(numeric, source)
    points = {k: v for k, v in lists.items() if v and all(_is_point(p) for p in v)}
    if points:
        return _of_points([{"key": k, **p} for k, v in points.items() for p in v], source)
    for name in HISTORIES:
        found = table(data[name], source) if name in data else None
        if found is not None and found.columns:
            return found
    rows = [v for v in data.values() if isinstance(v, Mapping)]  # {"0": {...}, "1": {...}}
    if rows and len(rows) == len(data) and all(number(str(k)) is not None for k in data):
        return of_rows(source, "JSON", [{"epoch": number(str(k)), **v} for k, v in data.items()])
    plain = {k: v for k, v in flat(data) if number(v) is not None}
    return of_rows(source, "JSON", [plain]) if plain else None


def _of_list(data: list[Any], source: str) -> Table | None:
    rows = [r for r in data if isinstance(r, Mapping)]
    if rows and all(_is_point(r) and isinstance(r.get("key", r.get("name")), str) for r in rows):
        return _of_points(rows, source)
    if rows:
        return of_rows(source, "JSON", rows)
    if data and all(isinstance(p, list) and len(p) == SCALARS for p in data):
        cells = [{"step": p[1], Path(source).stem: p[2]} for p in data]
        return of_rows(source, "JSON of TensorBoard", cells)
    return _of_columns({"loss": data}, source) if data and all(number(x) is not None for x in data) else None


def _is_point(row: Any) -> bool:
    """Tell whether an object is one value of a curve, as MLflow and others export them."""
    return isinstance(row, Mapping) and any(n in row for n in POINT_VALUES) and any(n in row for n in POINT_STEPS)


def _of_points(points: list[Any], source: str) -> Table:
    """Return a table of values that come one by one, each with the name of its curve and its step."""
    merged: dict[float, dict[str, Any]] = {}
    axis = next((n for n in POINT_STEPS if n in points[0]), "step")
    for p in points:
        step = number(next((p[n] for n in POINT_STEPS if n in p), None))
        value = next((p[n] for n in POINT_VALUES if n in p), None)
        if step is None:
            continue
        row = merged.setdefault(step, {axis: step})
        row[str(p.get("key") or p.get("name") or p.get("metric") or "value")] = value
    return of_rows(source, "JSON of single values", [merged[s] for s in sorted(merged)])


def _of_columns(lists: Mapping[str, list[Any]], source: str) -> Table:
    columns = []
    for name, values in lists.items():
        cells = [(i, number(v)) for i, v in enumerate(values)]
        kept = [(i, v) for i, v in cells if v is not None]
        short = name.rpartition("/")[2] if name.startswith(("history/", "data/", "metrics/")) else name
        columns.append(Column(short, np.array([i for i, _ in kept], np.int64), np.array([v for _, v in kept], float)))
    return Table(source, "JSON columns", max(len(v) for v in lists.values()), tuple(columns))
