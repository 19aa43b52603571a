"""Diagnoses as a report of the same kind as a climb's: a rung for each run, its findings, one sentence."""

import platform
from collections.abc import Sequence
from dataclasses import replace

import torchladder
from torchladder.core.findings import Finding, Severity
from torchladder.core.report import Report, RungResult, State
from torchladder.diagnosis.charts import charts
from torchladder.diagnosis.compare import comparison
from torchladder.diagnosis.diagnose import Diagnosis, figures, gain_words, summary
from torchladder.rules.registry import Rule

FULL_RUN = 6
NEXT = {
    "not-learning": "torchladder climb SCRIPT",
    "too-good": "torchladder data check TRAIN VAL",
    "underfitting": "torchladder lr SCRIPT",
    "plateau": "torchladder lr SCRIPT",
    "oscillating": "torchladder lr SCRIPT",
    "diverged": "torchladder watch SCRIPT",
}
CLOSED = "a single run's curves cannot show wrong labels, nor a leak that helps slowly"


def report_of(runs: Sequence[Diagnosis], rules: Sequence[Rule], *, name: str, seconds: float) -> Report:
    """Return the report of one run or several."""
    findings = [named(f, run, alone=len(runs) == 1) for run in runs for f in run.findings]
    findings.sort(key=lambda f: [Severity.ERROR, Severity.WARNING, Severity.NOTE].index(f.severity))
    cause = next((f for f in findings if f.severity is not Severity.NOTE), None)
    states = [run.course.state for run in runs]
    known = all(s != "unknown" for s in states)
    verdict = "broken" if cause is not None else "healthy" if known else "undecided"
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict=verdict,
        sentence=sentence(runs, cause),
        cause=cause,
        findings=tuple(findings),
        rungs=tuple(rung(run, rules, alone=len(runs) == 1) for run in runs),
        environment={"python": platform.python_version(), "platform": platform.platform()},
        seconds=seconds,
        next=following(runs, cause),
        charts=charts(runs),
    )


def rung(run: Diagnosis, rules: Sequence[Rule], *, alone: bool) -> RungResult:
    """Return the rung of one run: failed where something is found, unknown where nothing can be said."""
    state = State.UNKNOWN if run.course.state == "unknown" else State.PASSED
    if any(f.severity is not Severity.NOTE for f in run.findings):
        state = State.FAILED
    found = {f.code for f in run.findings}
    unknown = {r.code: run.course.words for r in rules} if state is State.UNKNOWN else {}
    clear = tuple(r.code for r in rules if r.code not in found and r.code not in unknown)
    rows = run.log.table.rows
    told = f"read as {run.log.table.form}, {rows:,} row{'s' if rows != 1 else ''}; {'; '.join(run.log.told)}"
    notes = (told, *run.log.table.notes, *run.notes) if alone else (told,)
    return RungResult(
        FULL_RUN, "curves" if alone else short(run.name), state, summary(run), 0.0, figures(run), unknown, clear, notes
    )


def named(finding: Finding, run: Diagnosis, *, alone: bool) -> Finding:
    """Return a finding that says which run it is about, where no line of a log does."""
    return finding if alone or finding.where else replace(finding, message=f"{short(run.name)}: {finding.message}")


def short(name: str) -> str:
    """Return the end of a path, which tells runs apart."""
    parts = name.rstrip("/").split("/")
    return "/".join(parts[-2:])[-40:]


def sentence(runs: Sequence[Diagnosis], cause: Finding | None) -> str:
    """Return the verdict in one sentence."""
    if len(runs) > 1:
        return comparison(runs)
    run = runs[0]
    if cause is not None or run.findings:
        return f"{run.findings[0].name}: {run.course.words}"
    if run.course.state == "unknown":
        return run.course.words
    words = gain_words(run.ahead, run.fact)
    return f"nothing is wrong with these curves{'; ' + words if words else ''}; {CLOSED}"


def following(runs: Sequence[Diagnosis], cause: Finding | None) -> str:
    """Return the next command to type."""
    if cause is not None and cause.name in NEXT:
        return NEXT[cause.name]
    if cause is not None and cause.fixes:
        return cause.fixes[0].title
    return f"torchladder diagnose --png curves.png {runs[0].name}"
