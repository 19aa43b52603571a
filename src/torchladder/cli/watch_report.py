"""The report of a watched run, of the same type as those of a climb: its rung is the sixth, the full run."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torchladder
from torchladder.cli.watch import status_in
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.core.report import Report, RungResult, State
from torchladder.core.sinks import RunEnd
from torchladder.rules.outcome.course import Course, course
from torchladder.rules.registry import find_rule

if TYPE_CHECKING:
    from torchladder.monitor.watch import Watch

FULL_RUN = 6
ENDS = {"crashed": "broke off by itself", "interrupted": "was interrupted", "stopped": "was stopped by an alert"}
LOST = {"diverged", "not-learning"}  # states of a course that fail the rung, as in a climb


def report_of(eye: "Watch", end: RunEnd, script: str) -> Report:
    """Return what a run that has ended was: broken, healthy, or undecided where too little of it was seen."""
    from torchladder.ladder.arbitrate import order
    from torchladder.ladder.environment import environment

    assert eye.monitor is not None
    facts = eye.monitor.facts(finished=True)
    found = course(facts)
    findings = tuple(order(end.findings))
    cause = next((f for f in findings if f.severity is not Severity.NOTE), None)
    rung = full_run(eye, end, facts, found)
    error = error_in(eye.error) if end.state == "crashed" else None
    healthy = cause is None and rung.state is State.PASSED
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=script,
        verdict="broken" if cause else "healthy" if healthy else "undecided",
        sentence=end.verdict if cause or error is None else failure(error),
        cause=cause,
        findings=findings,
        rungs=(rung,),
        environment=environment(facts),
        seconds=end.seconds,
        error=error,
        exit_status=status_in(eye.error),
    )


def full_run(eye: "Watch", end: RunEnd, facts: Facts, found: Course) -> RungResult:
    """Return the sixth rung: passed by a run that ended and whose course is known, failed by an error or a lost one."""
    assert eye.monitor is not None
    whole = end.state == "ended"
    failed = found.state in LOST or any(f.severity is Severity.ERROR for f in end.findings)
    passed = whole and end.steps > 0 and found.state != "unknown"
    label = "" if found.state in {"healthy", "unknown"} else f"{found.state}: "
    failures = eye.monitor.failures | eye.monitor.courier.failures
    unknown, clear = told_apart(facts, end.findings, together=eye.monitor.ranks.post is not None)
    figures = dataclasses.asdict(found) | {
        "whole": whole, "steps": end.steps, "samples": eye.monitor.schedule.samples, "cost": end.cost,
        "record": str(eye.folder) if eye.folder is not None else None,
    }  # fmt: skip
    return RungResult(
        FULL_RUN,
        "full run",
        State.FAILED if failed else State.PASSED if passed else State.UNKNOWN,
        f"{end.steps:,} steps: {label}{found.words}" if end.steps else end.verdict,
        end.seconds,
        figures,
        unknown,
        clear,
        tuple(
            ([] if whole else [f"the run {ENDS[end.state]}"]) + [f"{n} not watched: {w}" for n, w in failures.items()]
        ),
    )


def told_apart(facts: Facts, findings: Sequence[Finding], *, together: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return which rules could not tell, with the reason, and which looked and found nothing.

    Rules upon several processes that train ``together`` are left out where there is one.
    """
    from torchladder.ladder.reasons import why_unseen
    from torchladder.monitor.judge import AT_END, LIVE, TOGETHER

    unknown, clear = {}, []
    found = {f.code for f in findings}
    for code in sorted({*LIVE, *(TOGETHER if together else ()), *AT_END} - found):
        rule = find_rule(code)
        assert rule is not None
        why = why_unseen(rule.needs, facts)
        if why is not None:
            unknown[code] = why
        else:
            clear.append(code)
    return unknown, tuple(clear)


def error_in(error: BaseException | None) -> dict[str, Any] | None:
    """Return the program's own exception, as a climb reports it."""
    from torchladder.runner.place import clean_traceback

    if error is None:
        return None
    return {"type": type(error).__name__, "message": str(error), "traceback": clean_traceback(error)}


def failure(error: dict[str, Any]) -> str:
    """Return in a sentence how a program ended itself."""
    first = next(iter(error["message"].splitlines()), "")
    return f"the program failed by itself: {error['type']}: {first}".rstrip(": ")
