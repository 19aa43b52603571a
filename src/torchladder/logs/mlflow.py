"""What MLflow keeps of runs: its data base (the default of newer ones), or a folder with a file for each metric."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from torchladder.logs.table import Column, LogError, Table, number

MAGIC = b"SQLite format 3\0"
METRICS = "select run_uuid, key, step, value, is_nan from metrics order by run_uuid, key, step, timestamp"
NAMES = "select run_uuid, name from runs"
MOST = 200  # runs of a data base that are read
Points = dict[str, list[tuple[float, float]]]


def of_data_base(path: Path, source: str) -> list[Table]:
    """Return the metrics of each run in a data base, read only.

    Raises:
        LogError: If it is not MLflow's, or holds no metric.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            names = dict(base.execute(NAMES).fetchall())
            rows = base.execute(METRICS).fetchall()
    except sqlite3.Error:
        msg = f"{source} is an SQLite data base, and not one of MLflow"
        raise LogError(msg) from None
    runs: dict[str, Points] = {}
    for run, key, step, value, is_nan in rows:
        if not str(key).startswith("system/"):
            cell = (float(step), float("nan") if is_nan else float(value))
            runs.setdefault(run, {}).setdefault(str(key), []).append(cell)
    if not runs:
        msg = f"{source}: holds no value of any metric"
        raise LogError(msg)
    return [table_of(points, f"{source}: {names.get(run) or run}") for run, points in list(runs.items())[:MOST]]


def of_folder(folder: Path, source: str) -> Table:
    """Return the table of a folder of the file store: lines of time, value, step, a file a metric.

    Raises:
        LogError: If no file holds a value.
    """
    curves: Points = {}
    for file in sorted(folder.iterdir()):
        rows = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
        cells = [(number(r[2]), number(r[1])) for r in rows if len(r) >= 3]  # noqa: PLR2004 - time, value, step
        curves[file.name] = [(s, v) for s, v in cells if s is not None and v is not None]
    if not any(curves.values()):
        msg = f"{source}: holds no value of any metric"
        raise LogError(msg)
    return table_of(curves, source)


def table_of(curves: Points, source: str) -> Table:
    """Return a table with a row for each step."""
    axis = np.unique(np.array([s for c in curves.values() for s, _ in c], dtype=np.float64))
    columns = [Column("step", np.arange(len(axis), dtype=np.int64), axis)]
    for name, points in curves.items():
        steps = np.array([s for s, _ in points], dtype=np.float64)
        values = np.array([v for _, v in points], dtype=np.float64)
        columns.append(Column(name, np.searchsorted(axis, steps).astype(np.int64), values))
    return Table(source, "MLflow metrics", len(axis), tuple(columns))
