"""A check of gradients as a report of the same kind as a climb's."""

import dataclasses
import platform
import traceback
from collections import Counter
from typing import Any

import torch

import torchladder
from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.errors import ProgramError
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.core.report import Report, RungResult, State
from torchladder.gradients.check import Found, check
from torchladder.gradients.load import load, problem_of, resolved, users, users_part
from torchladder.gradients.problem import Refused
from torchladder.live.shown import shown
from torchladder.rules.registry import find_rule

RUNG, LINE = 2, "gradients"
CODE = "TL225"
SHOWN = 5
FAILED = 3  # exit status of a program that fails by itself


def checked(target: Any, inputs: Any = None, *, name: str, seconds: float = float("inf"), seed: int = 0) -> Report:
    """Check and report; what cannot be checked is a report too, with the reason."""
    try:
        thing, args, kwargs, notes = resolved(target, inputs)
        with users(name):
            problem = problem_of(thing, args, kwargs)
            problem.notes[:0] = notes
            found = check(problem, seconds=seconds, seed=seed)
    except Refused as error:
        return reported(name, Found([], []), refused=str(error))
    except ProgramError as error:
        return failed(name, error)
    return reported(name, found)


def checked_file(spec: str, *, seconds: float, seed: int) -> Report:
    """Check what ``PATH:OBJECT`` names."""
    try:
        target = load(spec)
    except ProgramError as error:
        return failed(spec, error)
    return checked(target, name=spec, seconds=seconds, seed=seed)


def check_gradients(target: Any, inputs: Any = None, *, seconds: float = 300.0, seed: int = 0) -> Report:
    """Check gradients that were written by hand against differences of the function's own values.

    Args:
        target: A module, an ``autograd.Function``, a function, a pair (forward, backward) or (f, gradient of f), an
            object with ``forward`` and ``backward``, a function that returns value and gradient, or a factory of
            one of these together with its inputs.
        inputs: A tensor or array, a tuple of them, or a mapping of keyword arguments.
        seconds: After which no further tensor is begun.
        seed: Of the random points and directions.

    Returns:
        A report: ``report.verdict`` is "healthy", "broken" or "undecided", and the ``module`` of each finding names
        the parameter or input whose gradient is wrong. Printing it shows it. Nothing that was given is changed.

    Raises:
        UsageError: If there is nothing to check.
        ProgramError: If the function itself fails.
    """
    report = checked(target, inputs, name=_name(target), seconds=seconds, seed=seed)
    if report.error is not None:
        raise ProgramError(report.sentence)
    return shown(report)


def _name(target: Any) -> str:
    return str(getattr(target, "__qualname__", None) or type(target).__name__)


def failed(name: str, error: ProgramError) -> Report:
    """Return the report of a program that fails by itself."""
    cause = error.__cause__ or error
    told = {
        "type": type(cause).__name__,
        "message": str(cause),
        "traceback": "".join(traceback.format_exception(type(cause), cause, users_part(cause))),
    }
    report = reported(name, Found([], []), refused=str(error))
    return dataclasses.replace(report, error=told, exit_status=FAILED)


def reported(name: str, found: Found, *, refused: str | None = None) -> Report:
    """Return the report."""
    rule = find_rule(CODE)
    assert rule is not None
    facts = Facts(derivatives=tuple(found.facts))
    findings: list[Finding] = [] if refused else rule.judge(facts) or []
    cause = findings[0] if findings else None
    open_ = [d for d in found.facts if d.state == "unknown"]
    state = State.FAILED if cause else State.UNKNOWN if refused or open_ or not compared(found) else State.PASSED
    why = refused or (f"{open_[0].name}: {open_[0].reason}" if open_ else None)
    summary = refused or line(found, findings)
    rung = RungResult(
        RUNG,
        LINE,
        state,
        summary,
        found.seconds,
        _figures(found),
        {CODE: why} if why and not cause else {},
        () if cause or why else (CODE,),
        notes=tuple(_notes(found)),
    )
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict="broken" if cause else "healthy" if state is State.PASSED else "undecided",
        sentence=_sentence(cause, found, refused),
        cause=cause,
        findings=tuple(findings),
        rungs=(rung,),
        environment={"python": platform.python_version(), "torch": torch.__version__},
        seconds=found.seconds,
        next=_next(name, cause, refused),
    )


def compared(found: Found) -> int:
    """Return how many tensors were compared."""
    return sum(d.state not in {"unknown", "left-out"} for d in found.facts)


def line(found: Found, findings: list[Finding]) -> str:
    """Return what was checked and what it cost, in a line."""
    n = compared(found)
    elements = sum(_numel(d) for d in found.facts if d.state not in {"unknown", "left-out"})
    largest = max((d.relative for d in found.facts if d.state == "right" and d.relative is not None), default=None)
    words = [f"{n} tensor{'' if n == 1 else 's'} with {elements:,} elements"]
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if findings:
        words.append(f"{len(errors)} wrong" if errors else f"{len(findings)} doubtful")
    elif largest is not None:
        words.append("all agree with differences")
    words.append(f"{found.evaluations} forward and {found.backwards} backward passes, {found.seconds:.2g} s")
    return "; ".join(words)


def _numel(d: DerivativeFact) -> int:
    total = 1
    for size in d.shape:
        total *= size
    return total


def _figures(found: Found) -> dict[str, Any]:
    tensors = [
        {
            "name": d.name,
            "kind": d.kind,
            "shape": list(d.shape),
            "state": d.state,
            "gradient": d.analytic,
            "difference": d.numeric,
            "relative_error": d.relative,
            "element": None if d.element is None else list(d.element),
            "reason": d.reason,
        }
        for d in found.facts
    ]
    return {"tensors": tensors, "forward_passes": found.evaluations, "backward_passes": found.backwards}


def _notes(found: Found) -> list[str]:
    notes = list(found.notes)
    states = Counter(d.state for d in found.facts)
    for state, words in (
        ("unused", "does not reach the outputs"),
        ("left-out", "is given no gradient, as an input may be, and was not judged"),
    ):
        names = [d.name for d in found.facts if d.state == state]
        if names:
            more = f" and {states[state] - SHOWN} more" if states[state] > SHOWN else ""
            notes.append(f"{', '.join(names[:SHOWN])}{more} {words}")
    open_ = [d for d in found.facts if d.state == "unknown"]
    notes += [f"{d.name} could not be judged: {d.reason}" for d in open_[:SHOWN]]
    return notes


def _sentence(cause: Finding | None, found: Found, refused: str | None) -> str:
    if cause is not None:
        return f"{cause.name}: {cause.message}"
    if refused is not None:
        return refused
    open_ = [d.name for d in found.facts if d.state == "unknown"]
    if open_:
        shown = ", ".join(open_[:SHOWN])
        return f"no wrong gradient was found, but {len(open_)} of {len(found.facts)} could not be judged: {shown}"
    n = compared(found)
    if not n:
        return "no tensor is given a gradient, so there is nothing to compare"
    return f"the gradients of {n} tensor{'' if n == 1 else 's'} are the derivatives of the outputs"


def _next(name: str, cause: Finding | None, refused: str | None) -> str:
    again = f"torchladder gradcheck {name}"
    if cause is not None and cause.where:
        return f"repair {cause.where[0]}, then: {again}"
    return f"give it what it needs, then: {again}" if refused else "keep the check as a test"
