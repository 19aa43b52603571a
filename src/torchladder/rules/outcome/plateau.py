"""The training loss stopped falling long before the end, far from a fit.

## What is wrong
The last two fifths of the run changed next to nothing, although there is much left to learn.

## Why it hurts
The time after that is wasted, and what stopped it is worth knowing: a schedule that has ended, a
rate that is too small now, or a model that can do no more.

## How it is found
Windows of a twentieth of the run each: the last eight differ by less than 2 %, and the loss is less
than half-way from blind guessing to zero.

In a log (`torchladder diagnose`) the loss at the start stands for blind guessing, and two thirds of it are left;
half, where held-out losses do not move at all any more.

## What to do
Raise the learning rate or let it decay later; then a wider model; else end the run there.

## When it is a false alarm
Problems whose noise no model can predict stand still where nothing is left to learn.

## Sources
The master table of the ladder: plateau.
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.outcome.course import course
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, rule


@rule(
    "TL606",
    rung=6,
    severity=Severity.NOTE,
    needs=("curves", "evaluations", "outcome"),
    instead=("logs",),
    plants=(
        Plant("tabular", "rng.standard_normal(n) > 0", "rng.standard_normal(n) > 0\n    left ^= rng.random(n) < 0.4"),
        Plant("tabular", "rng.standard_normal(n) > 0", "rng.standard_normal(n) > 0\n    left ^= rng.random(n) < 0.35"),
    ),
    near_misses=(
        Plant("digits_mlp", "lr=2e-3", "lr=1e-3"),
        Plant("regression", "epochs = 20", "epochs = 40"),
    ),
)
def plateau(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a run that stands still."""
    yield from of_log(plateau, facts)
    found = course(facts)
    if found.state == "plateau" and found.end is not None:
        yield plateau.finding(
            "the training loss stopped falling long before the end",
            seen=(Measurement("training loss at the end", round(found.end, 4), step=found.steps),),
            notes=(found.words,),
            fixes=(Fix("raise the learning rate or decay it later, then widen the model", Trust.IDEA),),
        )
