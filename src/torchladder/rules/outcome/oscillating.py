"""The training loss swings up and down without settling.

## What is wrong
Steps are too long for where the run is: a learning rate that was right early is too high late, or
batches differ so much that each undoes the one before.

## Why it hurts
Where the run ends is chance; the next run of the same program ends elsewhere.

## How it is found
Over the last two fifths of the run, means over a twentieth of the steps each differ by a quarter of
their own size and keep changing direction, at a loss that is not near zero.

In a log (`torchladder diagnose`) the held-out loss is looked at too, with a wider margin, and the highest
mean is left out: a single spike is no swing.

## What to do
Decay the learning rate; larger batches or gradient accumulation; shuffle.

## When it is a false alarm
Cyclic schedules, curricula and reinforcement learning swing by design.

## Sources
The master table of the ladder: oscillating loss.
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.outcome.course import course
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, rule

LOSS = "loss = mse(model(xb).squeeze(-1), yb)"


@rule(
    "TL605",
    rung=6,
    severity=Severity.NOTE,
    needs=("curves", "evaluations", "outcome"),
    instead=("logs",),
    plants=(
        Plant("regression", LOSS, "loss = mse(model(xb).squeeze(-1), yb + 3.0 * (epoch % 3 == 0))"),
        Plant("regression", LOSS, "loss = mse(model(xb).squeeze(-1), yb + 2.0 * (epoch % 3 == 0))"),
    ),
    near_misses=(
        Plant("regression", "lr=3e-3", "lr=6e-3"),
        Plant("tabular", "batch_size=32", "batch_size=8"),
    ),
)
def oscillating(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a run that swings."""
    yield from of_log(oscillating, facts)
    found = course(facts)
    if found.state == "oscillating" and found.end is not None:
        yield oscillating.finding(
            "the training loss swings without settling",
            seen=(Measurement("training loss at the end", round(found.end, 4), step=found.steps),),
            notes=(found.words,),
            fixes=(Fix("lower or decay the learning rate", Trust.IDEA),),
        )
