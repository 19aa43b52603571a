"""The table of a training in a README: cells between bars, a head with a rule of dashes beneath it (model cards)."""

import re
from pathlib import Path

import numpy as np

from torchladder.logs.roles import is_measure
from torchladder.logs.table import Gathered, Table

RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)+\|?\s*$")
ROWS_MIN = 2


def read(path: Path, source: str) -> Table | None:
    """Return the first table with a loss or a score by the row, None where there is none."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for i, line in enumerate(lines[1:], 1):
        if RULE.match(line) and any(is_measure(n) for n in _cells(lines[i - 1])):
            found = _table(lines, i, source)
            if found.rows >= ROWS_MIN:
                return found
    return None


def _table(lines: list[str], rule: int, source: str) -> Table:
    names = _cells(lines[rule - 1])
    gathered = Gathered()
    at = []
    for n, line in enumerate(lines[rule + 1 :], rule + 2):
        cells = _cells(line)
        if "|" not in line or len(cells) != len(names):
            break
        gathered.row(zip(names, cells, strict=True))
        at.append(n)
    return Table(source, "Markdown table", gathered.count, gathered.columns(), lines=np.asarray(at, dtype=np.int64))


def _cells(line: str) -> list[str]:
    return [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
