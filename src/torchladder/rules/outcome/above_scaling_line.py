"""The full run does worse than the same program on half of its data.

## What is wrong
More data, and as many epochs, gave a worse result on the same held-out samples. A quarter, then a half
of the data follow the usual course; something changes between half and full size.

## Why it hurts
The larger run costs more and is worth less, and every run beyond it is likely to be worse still.

## How it is found
The program is run on two halves of its training data, and on a quarter. A held-out loss that falls
with the data is below that of the halves (E + A / D^beta falls in D, whatever its numbers). The last two passes of
the full run are clearly above both halves, in each figure that is known: five standard errors of accuracy, half as
much loss again. The quarter is worse than the halves.

`torchladder scaling` fits the law itself to a table of finished runs and names one that lies clearly above it.

## What to do
Look at what counts steps or samples: warm-up and schedules given in steps, thresholds on the step number, buffers
and queues of fixed size. Then at the samples that only the full run reaches.

## When it is a false alarm
A run that swings may end badly twice. Near the size at which a model can just fit its data, more data can be
worse for once.

## Sources
Hoffmann et al., Training Compute-Optimal Large Language Models, 2022 (the law). Nakkiran et al., Deep
Double Descent, 2020 (where it does not hold).
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.scaling_facts import HalfFact
from torchladder.rules.outcome.beside_law import beside, seen
from torchladder.rules.outcome.held_out import held_out
from torchladder.rules.outcome.sizes import worse
from torchladder.rules.registry import Plant, rule

HALVES = 2
LINE = "scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)"
HEAD = "scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step:"


@rule(
    "TL609",
    rung=6,
    severity=Severity.NOTE,
    needs=("halves", "evaluations", "outcome"),
    instead=("lines",),
    plants=(
        Plant("digits_schedule", LINE, f"{HEAD} 1.0 if step < 240 else 40.0)"),
        Plant("digits_schedule", LINE, f"{HEAD} 0.3 if step < 200 else min(1.08 ** (step - 200), 100.0))"),
    ),
    near_misses=(
        Plant("digits_schedule", LINE, f"{HEAD} 1.0 if step < 240 else 0.1)"),
        Plant("digits_schedule", LINE, f"{HEAD} 0.5)"),
    ),
)
def above_scaling_line(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a full run that is worse than both halves, while these are better than a quarter.

    Of runs beside a fitted law each that lies clearly above it is a warning.
    """
    for line in beside(facts, above=True):
        yield above_scaling_line.finding(
            "the run ends above the scaling law of the other runs",
            severity=Severity.WARNING,
            seen=seen(line),
            fixes=(Fix("compare what this run did differently: rate, schedule, batch size, data, code", Trust.IDEA),),
        )
    runs = facts.halves or ()
    halves, smaller = runs[:HALVES], runs[HALVES:]
    passes = held_out(facts.evaluations or ())
    if len(halves) < HALVES or not smaller or not worse(passes, halves):
        return
    if any(_figure(part) < max(_figure(half) for half in halves) for part in smaller):
        return
    last = passes[-1]
    values = ("accuracy", last.accuracy) if last.accuracy is not None else ("loss", last.loss or last.error)
    name, value = values
    parts = [half.accuracy if name == "accuracy" else half.loss or half.error for half in halves]
    yield above_scaling_line.finding(
        "the full run does worse on held-out data than the same program on half of its data",
        where=(last.place,) if last.place is not None else (),
        seen=(
            Measurement(
                f"held-out {name} of the full run",
                round(value or 0.0, 4),
                expected=" and ".join(f"{v or 0.0:.4g}" for v in parts) + " with half the data",
                step=last.step,
            ),
            Measurement("training samples", halves[0].of, expected=halves[0].samples),
        ),
    )


def _figure(part: HalfFact) -> float:
    """Return how bad a part is: its loss, its error, or its share of wrong answers."""
    if part.loss is not None:
        return part.loss
    return part.error if part.error is not None else 1.0 - (part.accuracy or 0.0)
