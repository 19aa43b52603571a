"""Rung 6: the program's own full run, its curves, and what to try first where they ask for something."""

import dataclasses
import time
from typing import Any

from torchladder.core.facts import Facts
from torchladder.core.findings import Change
from torchladder.core.report import State
from torchladder.ladder import halves
from torchladder.ladder.subject import Subject, program_of
from torchladder.ladder.symptoms import matching
from torchladder.rules.outcome.course import Course, course, main_curve, windows
from torchladder.rules.outcome.majority import blind_accuracy, has_learned, refusal

SHARE = 0.6  # of the budget that is left goes to the full run
RESERVE = 5.0  # seconds below which it is not begun
RETRY_STEPS = 600  # of each of the two retries
POOR = {"underfitting", "plateau"}
LEVERS = (
    ("no_regularisation", "without dropout and weight decay"),
    ("widen", "with every hidden layer twice as wide"),
)

Line = tuple[State, str, dict[str, Any], tuple[str, ...]]


def rung_six(subject: Subject) -> Line:
    """Follow the program to its end, unless that was seen already; return state, line, figures and notes."""
    started = time.monotonic()
    if not subject.whole:
        if subject.left < RESERVE:
            return State.UNKNOWN, "the budget was spent before it", {}, ()
        subject.progress("following the full run")
        subject.full(SHARE * subject.left)
    subject.spent["full run"] = time.monotonic() - started
    facts = subject.facts
    found = course(facts)
    notes = matching(facts, found)
    if found.state in POOR:
        notes += retries(subject, found)
    halves.halve(subject)
    notes += halves.notes(subject.facts.halves)
    return line(facts, found, whole=subject.whole, notes=notes)


def line(facts: Facts, found: Course, *, whole: bool, notes: tuple[str, ...]) -> Line:
    """Return what is shown for rung 6."""
    outcome = facts.outcome
    figures = dataclasses.asdict(found) | {"whole": whole, "epochs": outcome.epochs if outcome else None}
    span = f"{found.steps:,} steps"
    if outcome is not None and outcome.epochs and outcome.epochs > 1:
        span = f"{outcome.epochs} epochs, {span}"
    cut = "" if whole else f"; followed for {program_of(facts).seconds:.0f} s, not to its end"
    label = "" if found.state in {"healthy", "unknown"} else f"{found.state}: "
    state = State.PASSED
    if found.state == "unknown":
        state = State.UNKNOWN
    elif found.state in {"diverged", "not-learning"}:
        state = State.FAILED
    blind = blind_accuracy(facts) if state is State.PASSED else None
    if blind is not None:
        notes = (*notes, refusal(facts, blind))
        state = State.PASSED if has_learned(blind) else State.UNKNOWN
    return state, f"{span}: {label}{found.words}{cut}", figures, notes


def retries(subject: Subject, found: Course) -> tuple[str, ...]:
    """Try the playbook's last two steps where the fit is poor: less regularisation, then more capacity.

    Source:
        The ordered playbook for a run that does not fit: reduce regularisation and augmentation before capacity.
    """
    curve = main_curve(subject.facts)
    steps = min(found.steps, RETRY_STEPS)
    if curve is None or steps < 1:
        return ()
    said = []
    before = windows(curve.losses[:steps])[-1]
    for kind, words in LEVERS:
        if subject.left < RESERVE:
            break
        subject.progress(f"the first {steps} steps {words}")
        facts = subject.observe_with((Change(kind, {}),), steps)
        other = main_curve(facts) if facts is not None else None
        if other is None or len(other.losses) < steps // 2 or (facts and kind in facts.failures):
            continue
        n = min(steps, len(other.losses))
        after = windows(other.losses[:n])[-1]
        said.append(f"{words} the training loss after {n} steps is {after:.3g} instead of {before:.3g}")
    return tuple(said)
