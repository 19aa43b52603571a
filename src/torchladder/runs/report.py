"""A recorded run as a report, read from its folder alone: finished, broken off, or still running."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from torchladder.core.findings import Finding, Severity
from torchladder.core.jsonable import from_json
from torchladder.core.report import Report, RungResult, State
from torchladder.runs.charts import charts, maps
from torchladder.runs.layout import PROVENANCE
from torchladder.runs.series import alerts
from torchladder.runs.summary import Summary, is_over

FULL_RUN = 6


def report_of(run: Summary, folder: Path, tool: str) -> Report:
    """Return the report of a run with its charts; ``tool`` is the version that makes it."""
    findings = tuple(_findings(folder))
    cause = next((f for f in findings if f.severity is not Severity.NOTE), None)
    failed = run.state == "crashed" or any(f.severity is Severity.ERROR for f in findings)
    well = run.state == "ended" and run.steps > 0
    words = f"{run.steps:,} steps, {run.state}" + (f"; {run.verdict}" if run.verdict else "")
    rung = RungResult(
        FULL_RUN,
        "full run",
        State.FAILED if failed else State.PASSED if well else State.UNKNOWN,
        words,
        (run.ended or run.heartbeat) - run.started,
        {"id": run.id, "state": run.state, "steps": run.steps, "loss": run.loss, "cost": run.cost, "in": run.cwd},
    )
    return Report(
        schema=1,
        tool=tool,
        script=" ".join(run.command) or run.name,
        verdict="broken" if cause else "healthy" if well else "undecided",
        sentence=(run.verdict if is_over(run.state) else None) or (cause.message if cause else words),
        cause=cause,
        findings=findings,
        rungs=(rung,),
        environment=_environment(folder),
        seconds=rung.seconds,
        next=f"torchladder runs show {run.id}",
        charts=charts(folder),
        maps=maps(folder),
    )


def with_charts(report: Report, folder: Path | None) -> Report:
    """Return the report of a run with what its folder has to draw."""
    if folder is None:
        return report
    return dataclasses.replace(report, charts=charts(folder), maps=maps(folder))


def _findings(folder: Path) -> list[Finding]:
    """Return what was told of the run, the most severe first, each once."""
    found: dict[str, Finding] = {}
    for row in alerts(folder):
        try:
            finding: Finding = from_json(Finding, row["finding"])
        except (TypeError, ValueError, KeyError):  # a line of another version
            continue
        found.setdefault(finding.code, finding)
    return sorted(found.values(), key=lambda f: list(Severity).index(f.severity))


def _environment(folder: Path) -> dict[str, Any]:
    """Return what the run's record says of the machine and its software, if it has one."""
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = record.get("environment") if isinstance(record, dict) else None
    return found if isinstance(found, dict) else {}
