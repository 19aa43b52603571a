"""A table with one value a row: the name of its curve, the value, the step; several runs below each other, perhaps.

MLflow's users export metrics so, data frames that were melted look so, too. TensorBoard's download of one curve has its
name in that of the file; several of them in a folder are one run.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torchladder.logs.table import Table, number, of_rows

NAMES = ("key", "metric", "tag", "metric_name", "name")
VALUES = ("value", "metric_value")
STEPS = ("step", "epoch", "iteration")
RUNS = ("run_id", "run_uuid", "run_name", "run")
HEAD = 4096
DOWNLOAD = ["wall time", "step", "value"]  # of TensorBoard
DOWNLOADED = "CSV of TensorBoard"


def tables(path: Path, source: str) -> list[Table]:
    """Return the table of each run that a file of single values holds; nothing for any other file."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        first = file.readline(HEAD).lstrip("\ufeff")
        sep = "\t" if "\t" in first else ","
        head = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=sep), [])]
        places = [next((head.index(w) for w in words if w in head), None) for words in (NAMES, VALUES, STEPS, RUNS)]
        name, value, step, run = places
        if name is None or value is None or step is None:
            return []
        runs: dict[str, dict[float, dict[str, Any]]] = {}
        for row in csv.reader(file, delimiter=sep):
            at = number(row[step]) if len(row) == len(head) else None
            if at is not None and number(row[name]) is None:
                rows = runs.setdefault(row[run] if run is not None else "", {})
                rows.setdefault(at, {head[step]: at})[row[name]] = row[value]
    return [_table(source if len(runs) == 1 else f"{source}: {one}", rows) for one, rows in runs.items()]


def _table(source: str, rows: Mapping[float, Mapping[str, Any]]) -> Table:
    return of_rows(source, "CSV of single values", [rows[at] for at in sorted(rows)])


def named(table: Table, path: Path) -> Table:
    """Return the table of TensorBoard's download with its curve named as the file is; any other as it is."""
    if [c.name.lower() for c in table.columns] != DOWNLOAD:
        return table
    name = path.stem.rpartition("tag-")[2]
    columns = (table.columns[1], replace(table.columns[2], name=name))
    return replace(table, form=DOWNLOADED, columns=columns)


def merged(tables: Sequence[Table]) -> list[Table]:
    """Return the tables with the downloads of single curves put together, those of one run each."""
    runs: dict[str, list[Table]] = {}
    for table in tables:
        if table.form == DOWNLOADED:
            path = Path(table.source)
            runs.setdefault(str(path.parent / path.stem.rpartition("-tag-")[0]), []).append(table)
    return [*(t for t in tables if t.form != DOWNLOADED), *(_joined(run, single) for run, single in runs.items())]


def _joined(run: str, single: Sequence[Table]) -> Table:
    if len(single) == 1:
        return single[0]
    rows: dict[float, dict[str, float]] = {}
    for table in single:
        steps, values = table.columns
        for step, value in zip(steps.values, values.values, strict=True):
            rows.setdefault(float(step), {"step": float(step)})[values.name] = float(value)
    return of_rows(run, DOWNLOADED, [rows[step] for step in sorted(rows)])
