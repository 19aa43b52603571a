"""Runs as a table, the newest first: verdicts as the last column where they fit, below their rows where not."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torchladder.report.text import clean, number

if TYPE_CHECKING:
    from torchladder.runs.summary import Summary

NAME_MAX = 16
INDENT = "    "
UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))
HEAD = ("id", "name", "state", "steps", "loss", "cost", "age")
LEFT = {"id", "name", "state"}


def table(runs: Sequence["Summary"], width: int, *, now: float | None = None) -> str:
    """Return the runs as lines no longer than ``width``."""
    now = time.time() if now is None else now
    rows = [_cells(run, now) for run in runs]
    widths = [max(len(row[i]) for row in [HEAD, *rows]) for i in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    verdicts = [clean(run.verdict or "") for run in runs]
    beside = all(len(line) + 2 + len(verdict) <= width for line, verdict in zip(lines, verdicts, strict=True))
    shown = [cut(f"{_line(HEAD, widths)}  verdict" if beside and any(verdicts) else _line(HEAD, widths), width)]
    for line, verdict in zip(lines, verdicts, strict=True):
        if beside:
            shown.append(f"{line}  {verdict}".rstrip())
            continue
        shown.append(cut(line, width))
        if verdict:
            shown.append(cut(INDENT + verdict, width))
    return "\n".join(shown) + "\n"


def cut(text: str, width: int) -> str:
    """Return ``text`` cut to ``width``, with dots where something is missing."""
    return text if len(text) <= width else text[: max(width - 3, 0)].rstrip() + "..."


def age(seconds: float) -> str:
    """Return a time span in its largest unit: "12s", "3m", "5h", "2d"."""
    for unit, size in UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(int(seconds), 0)}s"


def share(value: float | None) -> str:
    """Return a share of the time as a percentage."""
    return "-" if value is None else f"{100 * value:.1f}%"


def _cells(run: "Summary", now: float) -> tuple[str, ...]:
    loss = "-" if run.loss is None else number(run.loss)
    name = cut(clean(run.name), NAME_MAX)
    return (clean(run.id), name, run.state, f"{run.steps:,}", loss, share(run.cost), age(now - run.started))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        cell.ljust(width) if title in LEFT else cell.rjust(width)
        for cell, width, title in zip(cells, widths, HEAD, strict=True)
    ]
    return "  ".join(parts).rstrip()
