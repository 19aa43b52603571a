"""Which row of the master table a run shows, recognised from its facts."""

import math
from collections.abc import Callable

from torchladder.core.facts import Facts
from torchladder.core.symptoms import TABLE
from torchladder.ladder.subject import program_of
from torchladder.rules.outcome.course import Course, main_curve
from torchladder.rules.outcome.held_out import held_out

EARLY = 50  # steps: "after a few"
GAP = 0.15  # of accuracy between training and held-out data
HIGH, LOW = 0.9, 0.6  # accuracies


def _first_bad(facts: Facts) -> int | None:
    curve = main_curve(facts)
    return next((i for i, v in enumerate(curve.losses) if not math.isfinite(v)), None) if curve else None


def _nan_late(facts: Facts, _: Course) -> bool:
    first = _first_bad(facts)
    return first is not None and first > 0


def _nan_at_once(facts: Facts, _: Course) -> bool:
    return _first_bad(facts) == 0


def _accuracies(facts: Facts) -> tuple[float, float, float] | None:
    """Return training accuracy, held-out accuracy and the majority share of the last pass."""
    passes = [e for e in held_out(facts.evaluations or ()) if e.accuracy is not None and e.train_accuracy is not None]
    if not passes:
        return None
    e = passes[-1]
    return (e.train_accuracy or 0.0, e.accuracy or 0.0, e.majority or 0.0)


def _gap(facts: Facts, found: Course) -> bool:
    a = _accuracies(facts)
    return found.state == "overfitting" or (a is not None and a[0] > HIGH and a[0] - a[1] > GAP)


def _both_at_chance(facts: Facts, _: Course) -> bool:
    a = _accuracies(facts)
    return a is not None and abs(a[0] - a[2]) < 0.02 and abs(a[1] - a[2]) < 0.02  # noqa: PLR2004 - two points


def _both_low(facts: Facts, found: Course) -> bool:
    a = _accuracies(facts)
    return found.state == "underfitting" or (a is not None and a[2] + 0.1 < a[0] < LOW and a[1] < LOW)


def _no_gradient(facts: Facts, _: Course) -> bool:
    rows = [p for p in facts.parameters or () if p.requires_grad]
    return bool(rows) and all(p.grad_zero or p.grad_norm is None for p in rows)


def _out_of_memory(facts: Facts, _: Course) -> bool:
    error = program_of(facts).error
    return error is not None and (
        error.type in {"OutOfMemoryError", "MemoryError"} or "out of memory" in error.message.lower()
    )


def _is(state: str) -> Callable[[Facts, Course], bool]:
    return lambda _facts, found: found.state == state


SEEN: dict[str, Callable[[Facts, Course], bool]] = {
    "at-chance": _is("not-learning"),
    "nan-late": _nan_late,
    "nan-at-once": _nan_at_once,
    "oscillating": _is("oscillating"),
    "plateau": _is("plateau"),
    "train-high-test-low": _gap,
    "both-at-chance": _both_at_chance,
    "both-low": _both_low,
    "zero-gradients": _no_gradient,
    "out-of-memory": _out_of_memory,
}


def matching(facts: Facts, found: Course) -> tuple[str, ...]:
    """Return a line for the first symptom of the table that these facts show, if one does."""
    for row in TABLE:
        if SEEN[row.key](facts, found):
            return (f"{row.symptom}: {row.cause}; first: {row.first}",)
    return ()
