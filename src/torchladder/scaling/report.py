"""A study of runs as a report of the same kind as a climb's."""

import dataclasses
import platform
from typing import Any

import torchladder
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Place
from torchladder.core.line_facts import LineFact
from torchladder.core.report import Report, RungResult, State
from torchladder.rules.registry import find_rule
from torchladder.scaling.fit import Fit, Interval
from torchladder.scaling.runs import Law
from torchladder.scaling.study import FITTED, Study, words_of

RUNG, LINE = 6, "scaling"
CODES = ("TL608", "TL609")
LETTERS = {"parameters": ("A", "alpha", "N"), "samples": ("B", "beta", "D")}
BOUND = 5.9  # an exponent that reaches the fit's own limit


def constants(fitted: Fit) -> dict[str, Interval]:
    """Return every constant of a law with its interval."""
    found = {"E": even(fitted.floor(FITTED))}
    for name in fitted.law.value:
        coefficient, exponent, _ = LETTERS[name]
        found[coefficient] = even(fitted.coefficient(name, FITTED), log=True)
        found[exponent] = even(fitted.exponent(name, FITTED))
    return found


def even(v: Interval, *, log: bool = False) -> Interval:
    """Return an interval that reaches as far to its nearer side as to its farther one.

    Refits around a law whose floor came out too high scatter less towards lower floors than the truth is away: the
    longer side is the honest one on both.
    """
    if log and v.low > 0:
        reach = max(v.high / v.middle, v.middle / v.low)
        return Interval(v.middle / reach, v.middle, v.middle * reach, v.level)
    far = max(v.high - v.middle, v.middle - v.low)
    return Interval(v.middle - far, v.middle, v.middle + far, v.level)


def findings_of(found: Study, source: str | None) -> list[Finding]:
    """Return what the rules say of the judged runs, with the line of the file that holds each."""
    rules = [r for r in map(find_rule, CODES) if r is not None]
    findings = []
    for line in found.lines:
        row = found.judged[line.name]
        where = (Place(source, row.line),) if source is not None and row.line is not None else ()
        for rule in rules:
            said = rule.judge(Facts(lines=(line,))) or []
            findings += [dataclasses.replace(f, where=where) for f in said]
    return findings


def reported(
    found: Study, *, name: str, notes: tuple[str, ...] = (), seconds: float, source: str | None = None
) -> Report:
    """Return the report."""
    findings = findings_of(found, source)
    cause = findings[0] if findings else None
    held = found.extrapolation is None or found.extrapolation.holds
    state = State.FAILED if cause else State.PASSED if found.fit is not None and held else State.UNKNOWN
    reason = found.refused or ("the law does not foretell its own largest runs" if not held else "no run was judged")
    judged = bool(found.lines) and held
    rung = RungResult(
        RUNG,
        LINE,
        state,
        summary(found),
        seconds,
        figures(found),
        {} if judged or cause else dict.fromkeys(CODES, reason) if found.fit is None or not held else {},
        tuple(c for c in CODES if judged and c not in {f.code for f in findings}),
        notes=(*lines(found), *found.notes, *notes),
    )
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict="broken" if cause else "healthy" if state is State.PASSED else "undecided",
        sentence=sentence(found, cause, held=held),
        cause=cause,
        findings=tuple(findings),
        rungs=(rung,),
        environment={"python": platform.python_version()},
        seconds=seconds,
        next=_next(found, cause),
    )


def summary(found: Study) -> str:
    """Return the law in a line."""
    if found.fit is None or found.law is None:
        return f"{len(found.rows)} runs carry no law: {found.refused}"
    return f"{law_words(found.fit)}, from {len(found.fit.runs)} runs; a run lies {found.fit.scatter:.2%} around it"


def law_words(fitted: Fit) -> str:
    """Return a law with its numbers."""
    terms = [f"{t.coefficient:.4g} / {LETTERS[t.size][2]}^{t.exponent:.4f}" for t in fitted.curve.terms]
    return f"loss = {fitted.curve.floor:.4f} + {' + '.join(terms)}"


def lines(found: Study) -> list[str]:
    """Return the lines beneath the law: its constants, how it foretells, the best use of each budget."""
    if found.fit is None:
        return []
    shown = [", ".join(f"{k} {_within(v)}" for k, v in constants(found.fit).items()) + f" ({FITTED:.0%})"]
    shown += [f"{words_of(law)} alone: {law_words(fitted)}" for law, fitted in found.others.items()]
    if found.extrapolation is not None:
        made = found.extrapolation
        inside = sum(p.inside for p in made.check.predicted)
        shown.append(
            f"the {len(made.check.predicted)} largest runs foretold from the others: error {made.law_error:.2%} "
            f"({inside} inside their intervals), with a straight line on log-log axes {made.line_error:.2%}"
        )
    else:
        shown.append(f"its extrapolation was not checked: {found.unchecked}")
    for a in found.allocations:
        shown.append(
            f"{a.flops:.3g} FLOPs: N {_within(a.parameters)}, D {_within(a.samples)}, "
            f"{a.samples.middle / a.parameters.middle:.3g} samples a parameter, loss {_within(a.loss)}"
        )
    shown += [_judged(line) for line in found.lines]
    return shown


def _judged(line: LineFact) -> str:
    gap = line.loss / line.expected - 1
    expected = f"{line.expected:.4g} ({line.low:.4g} to {line.high:.4g})"
    return f"{line.name}: loss {line.loss:.4g}, expected {expected}, {gap:+.1%}"


def _within(v: Interval) -> str:
    return f"{v.middle:.4g} ({v.low:.4g} to {v.high:.4g})"


def _interval(v: Interval) -> dict[str, float]:
    return {"low": v.low, "value": v.middle, "high": v.high, "level": v.level}


def figures(found: Study) -> dict[str, Any]:
    """Return every number of the study."""
    if found.fit is None or found.law is None:
        return {"runs": len(found.rows), "refused": found.refused}
    made = found.extrapolation
    return {
        "runs": len(found.fit.runs),
        "law": words_of(found.law),
        "constants": {k: _interval(v) for k, v in constants(found.fit).items()},
        "scatter": found.fit.scatter,
        "single": {
            words_of(law): {k: _interval(v) for k, v in constants(fitted).items()}
            for law, fitted in found.others.items()
        },
        "extrapolation": None
        if made is None
        else {
            "held_out": len(made.check.predicted),
            "inside": sum(p.inside for p in made.check.predicted),
            "law_error": made.law_error,
            "straight_line_error": made.line_error,
            "holds": made.holds,
        },
        "optimal": [
            {
                "flops": a.flops,
                "parameters": _interval(a.parameters),
                "samples": _interval(a.samples),
                "loss": _interval(a.loss),
            }
            for a in found.allocations
        ],
        "judged": [dataclasses.asdict(line) for line in found.lines],
    }


def sentence(found: Study, cause: Finding | None, *, held: bool) -> str:
    """Return the verdict in one sentence."""
    if cause is not None:
        return f"{cause.name}: {cause.message}"
    if found.fit is None:
        return f"the runs carry no law: {found.refused}"
    if not held:
        return "a law was fitted, but it does not foretell its own largest runs, so it is not to be trusted beyond them"
    runs = f"{len(found.lines)} judged run{'' if len(found.lines) == 1 else 's'} in line with it" if found.lines else ""
    return f"{law_words(found.fit)}{f'; {runs}' if runs else ''}"


def _next(found: Study, cause: Finding | None) -> str:
    if cause is not None:
        return f"look at {cause.where[0]}" if cause.where else "look at the run named"
    if found.fit is None:
        return "make runs of more sizes: small ones cost little"
    return "--flops C spends a budget, --run NAME judges a run" if found.law is Law.JOINT else "--run NAME judges a run"
