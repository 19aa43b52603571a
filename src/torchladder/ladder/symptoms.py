"""The master table: symptom of a run, its likely cause, and the first thing to try.

Each row is recognised from facts; a row is a pointer, not a finding: it proves nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.ladder.subject import program_of
from torchladder.rules.outcome.course import Course, main_curve
from torchladder.rules.outcome.held_out import held_out

EARLY = 50  # steps: "after a few"
GAP = 0.15  # of accuracy between training and held-out data
HIGH, LOW = 0.9, 0.6  # accuracies


@dataclass(frozen=True, slots=True)
class Symptom:
    """One row of the table."""

    symptom: str
    cause: str
    first: str
    seen: Callable[[Facts, Course], bool]


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


TABLE = (
    Symptom(
        "the loss stays at ln K",
        "no gradient reaches the weights, the rate is far off, or the labels say nothing about the inputs",
        "torchladder overfit SCRIPT",
        _is("not-learning"),
    ),
    Symptom(
        "NaN after a few steps",
        "the learning rate is too high, or gradients explode",
        "divide the learning rate by 10, then clip gradients by their global norm",
        _nan_late,
    ),
    Symptom(
        "NaN at once",
        "a logarithm of 0, a division by 0, or NaN in the data",
        "torchladder climb --to 1 SCRIPT",
        _nan_at_once,
    ),
    Symptom(
        "the loss oscillates",
        "the learning rate is too high, or the batches are too small or unshuffled",
        "torchladder lr SCRIPT",
        _is("oscillating"),
    ),
    Symptom(
        "the loss stands on a plateau",
        "the schedule has ended, the rate is too low, or the model is too small",
        "raise the learning rate or decay it later, then widen the model",
        _is("plateau"),
    ),
    Symptom(
        "good on training data, poor on held-out data",
        "overfitting, or a split that does not hold",
        "stop at the best epoch; then more data or augmentation; then weight decay or dropout",
        _gap,
    ),
    Symptom(
        "training and held-out data both at chance",
        "the pipeline is broken: labels, loss or wiring",
        "torchladder climb --to 3 SCRIPT",
        _both_at_chance,
    ),
    Symptom(
        "training and held-out data both poor",
        "underfitting: too little capacity or time, too much regularisation",
        "train longer, then without regularisation, then wider",
        _both_low,
    ),
    Symptom(
        "all gradients are zero",
        "dead or saturated units, frozen parameters, or a cut graph",
        "torchladder climb --to 2 SCRIPT",
        _no_gradient,
    ),
    Symptom(
        "out of memory",
        "the batch is too large, or graphs are kept from step to step",
        "halve the batch and accumulate gradients; look for kept losses",
        _out_of_memory,
    ),
)


def matching(facts: Facts, found: Course) -> tuple[str, ...]:
    """Return a line for the first symptom of the table that these facts show, if one does."""
    for row in TABLE:
        if row.seen(facts, found):
            return (f"{row.symptom}: {row.cause}; first: {row.first}",)
    return ()
