"""A log to what is said of it: judged by the rules, with what going on would give and where to end the next run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding
from torchladder.core.log_facts import LogFact, SeriesFact
from torchladder.diagnosis.facts import log_fact
from torchladder.diagnosis.outlook import Outlook, outlook
from torchladder.diagnosis.smoothing import smoothed
from torchladder.logs.curves import Log
from torchladder.rules.outcome.levers import Lever, levers
from torchladder.rules.outcome.log_course import LogCourse, log_course
from torchladder.rules.outcome.log_finding import since_words
from torchladder.rules.outcome.log_shape import place_words
from torchladder.rules.registry import Rule, find_rule

STATES = (
    "diverged", "not-learning", "too-good", "overfitting", "oscillating", "still-improving", "underfitting", "plateau",
)  # fmt: skip
GOING_ON = {"healthy", "underfitting", "still-improving"}


@dataclass(frozen=True)
class Diagnosis:
    """What is said of one run.

    Attributes:
        course: State, since when, by which figures.
        ahead: What going on would give, None where nothing can be foreseen.
        stop: Where to end the next run, in the log's own unit; None where going on helps or nothing is known.
    """

    log: Log
    fact: LogFact
    course: LogCourse
    findings: tuple[Finding, ...]
    levers: tuple[Lever, ...]
    ahead: Outlook | None
    stop: float | None
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what the run is called."""
        return self.fact.source


def rules_of(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Return the rules that judge logs, as far as they were selected."""

    def matches(rule: Rule, keys: Sequence[str]) -> bool:
        return any(rule.code.startswith(k.upper()) or rule.name == k.lower() for k in keys)

    found = [rule for name in STATES if (rule := find_rule(name)) is not None]
    kept = [r for r in found if not select or matches(r, select)]
    return tuple(r for r in kept if not matches(r, ignore))


def diagnose(log: Log, rules: Sequence[Rule]) -> Diagnosis:
    """Return what is said of a run."""
    fact = log_fact(log)
    course = log_course(fact)
    facts = Facts(logs=(fact,), lines=())  # one run beside no law
    ahead = outlook(main_series(fact)) if course.state in GOING_ON else None
    notes = (*smoothed(fact), *lag_notes(fact), *resumed_notes(fact))
    findings = tuple(f for rule in rules for f in rule.judge(facts) or ())
    words = gain_words(ahead, fact)
    if words and findings:
        findings = (replace(findings[0], notes=(*findings[0].notes, words)), *findings[1:])
    stop = stop_at(course, ahead)
    return Diagnosis(log, fact, course, findings, levers(course, fact), ahead, stop, notes)


def main_series(fact: LogFact) -> SeriesFact | None:
    """Return the curve that the best value is taken from: held-out before training, loss before score."""
    return next((s for s in (fact.held, fact.held_score, fact.train, fact.train_score) if s is not None), None)


def stop_at(course: LogCourse, ahead: Outlook | None) -> float | None:
    """Return where a run like this is best ended."""
    if course.state == "overfitting" and course.since is not None and course.best_x is not None:
        return min(course.since, course.best_x)
    if course.state == "healthy" and not (ahead is not None and ahead.gains):
        return course.best_x
    return course.since if course.state in {"plateau", "diverged", "not-learning"} else None


def gain_words(ahead: Outlook | None, fact: LogFact) -> str | None:
    """Return what going on would give, in words."""
    series = main_series(fact)
    if ahead is None or series is None:
        return None
    low, high = sorted((ahead.low, ahead.high))
    span = f"{series.name} {ahead.middle:.3g} at {fact.unit} {ahead.at:,.0f} (90 %: {low:.3g} to {high:.3g})"
    if not ahead.gains:
        return f"training on for half as long would give {span}, now {ahead.now:.3g}: a gain is not certain"
    return f"training on for half as long would give {span}, now {ahead.now:.3g}, if the rate stays"


def lag_notes(fact: LogFact) -> tuple[str, ...]:
    """Explain a training loss above the held-out one, which is no fault."""
    t, h = fact.train, fact.held
    if t is None or h is None or not t.values or not h.values or not fact.alike:
        return ()
    if h.values[-1] < 0.9 * t.values[-1]:
        return (
            f"{h.name} is below {t.name}: dropout, augmentation, label smoothing or class weights make the training "
            "loss larger, and so does its mean over an epoch in which the model still learned",
        )
    return ()


def resumed_notes(fact: LogFact) -> tuple[str, ...]:
    """Tell where a run went on after a break."""
    if not fact.resumed:
        return ()
    places = ", ".join(f"{x:,.0f}" for x in fact.resumed[:3])
    return (f"resumed at {fact.unit} {places}: what was done twice counts as it was done last",)


def figures(found: Diagnosis) -> dict[str, Any]:
    """Return everything that JSON holds of a run."""
    c, ahead = found.course, found.ahead
    return {
        "state": c.state,
        "unit": c.unit,
        "since": c.since,
        "confidence": c.confidence,
        "words": c.words,
        "best": {"at": c.best_x, "value": c.best, "of": c.best_name},
        "stop": found.stop,
        "levers": [{"what": lever.what, "cost": lever.cost} for lever in found.levers],
        "ahead": None
        if ahead is None
        else {"at": ahead.at, "now": ahead.now, "low": ahead.low, "middle": ahead.middle, "high": ahead.high},
        "ends": {
            side: series.values[-1] if series is not None and series.values else None
            for side, series in (
                ("train", found.fact.train), ("held", found.fact.held), ("train_score", found.fact.train_score),
                ("held_score", found.fact.held_score),
            )
        },
        "form": found.log.table.form,
        "rows": found.log.table.rows,
        "read_as": list(found.log.told),
        "resumed": list(found.fact.resumed),
    }  # fmt: skip


def summary(found: Diagnosis) -> str:
    """Return the line of a run; what a finding says is left to the finding."""
    c = found.course
    series = found.fact.train or main_series(found.fact)
    span = (
        f"{c.unit} {place_words(series.xs[0])} to {place_words(series.xs[-1])}" if series and series.xs else "no values"
    )
    if series is not None and series.lost is not None and series.xs:
        span += ", then no numbers"
    if c.state == "unknown":
        return f"{span}: cannot tell"
    return f"{span}: {c.words}" if c.state == "healthy" else f"{span}: {c.state} {since_words(c)}"
