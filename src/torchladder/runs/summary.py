"""One run in a few words: what a list of runs shows, read from the run's folder alone."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.core.findings import Severity
from torchladder.core.jsonable import from_json
from torchladder.runs.alive import state_of
from torchladder.runs.layout import ALERTS, METRICS, RECORD, RING
from torchladder.runs.lines import last_rows, rows, value_of
from torchladder.runs.ring import ring_rows

LATE_ROWS = 200  # lines at the end of a run among which its last loss is looked for; losses may come late
_RANK = {severity.value: i for i, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Summary:
    """A row of the index.

    Attributes:
        state: "running", "ended", "crashed", "interrupted", "stopped"; "killed" when the process is gone without an
            end; "silent" when the process cannot be asked and nothing has been heard for long.
        verdict: The sentence at the end; before it, the worst finding so far, as "TL212 exploding-gradient".
        heartbeat: The last sign of life, in seconds since the epoch.
    """

    id: str
    name: str
    command: tuple[str, ...]
    cwd: str
    pid: int
    host: str
    started: float
    ended: float | None
    state: str
    steps: int
    loss: float | None
    verdict: str | None
    cost: float | None
    heartbeat: float


def is_over(state: str) -> bool:
    """Tell whether nothing more will come of a run."""
    return state not in {"running", "silent"}


def summary_of(folder: Path) -> Summary | None:
    """Return the run in ``folder`` in brief, None if there is none."""
    record = record_of(folder)
    if record is None:
        return None
    tail = last_rows(folder / METRICS, LATE_ROWS)
    heard = [row["time"] for row in tail[-1:]]
    tail += ring_rows(folder / RING, max((row["step"] for row in tail), default=-1))
    losses = [(row["step"], value_of(row["loss"])) for row in tail if "loss" in row]
    seen = {
        "loss": max(losses, key=lambda pair: pair[0])[1] if losses else None,
        "heartbeat": max([record["started"], *heard]),
        "steps": max((row["step"] for row in tail), default=-1) + 1,
    }
    seen |= {k: record[k] for k in ("steps", "ended", "verdict", "cost", "state") if k in record}
    if seen["state"] == "running":
        seen["verdict"] = worst_so_far(folder)
        seen["state"] = state_of(record["pid"], record["host"], record["started"], seen["heartbeat"])
    fields: dict[str, Any] = {"ended": None, "verdict": None, "cost": None, **record, **seen}
    made: Summary = from_json(Summary, fields)
    return made


def record_of(folder: Path) -> dict[str, Any] | None:
    """Return what ``run.json`` says, None if it is missing or not one of ours."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    needed = {"id", "name", "command", "cwd", "pid", "host", "started", "state"}
    return record if isinstance(record, dict) and needed <= record.keys() else None


def worst_so_far(folder: Path) -> str | None:
    """Return code and name of the worst finding that a run has been told of."""
    found = [row["finding"] for row in rows(folder / ALERTS) if isinstance(row.get("finding"), dict)]
    if not found:
        return None
    worst = min(found, key=lambda f: _RANK.get(f.get("severity", ""), math.inf))
    return f"{worst.get('code', '')} {worst.get('name', '')}".strip()
