"""Training goes on getting better while held-out data gets worse.

## What is wrong
The model has begun to learn the training samples themselves. Nothing is wired wrongly: it has more
freedom than the data ties down, or is trained for longer than the data lasts.

## Why it hurts
Every further epoch costs time and accuracy on new data. The figures of the last epoch are not the
best that the run has had.

## How it is found
The held-out loss of the program's own evaluation passes has a lowest point, was at least a tenth
higher at the end, and the training loss is below half of it. Where no held-out loss is computed:
the accuracies on training and held-out data, far apart.

In a log (`torchladder diagnose`) the rise must also be a multiple of what single values scatter; a held-out loss that
stays far above the training loss without improving counts as well.

## What to do
Keep the checkpoint of the best pass (costs nothing). Then more data or augmentation; then weight
decay or dropout; then a smaller model.

## When it is a false alarm
Accuracy may still rise while the loss does, since the loss punishes confidence: choose by the
number that matters. Fewer than four passes say nothing about a turn.

## Sources
Prechelt, Early stopping - but when?, 1998.
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.outcome.course import course
from torchladder.rules.outcome.held_out import held_out
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, rule


@rule(
    "TL601",
    rung=6,
    severity=Severity.NOTE,
    needs=("curves", "evaluations", "outcome"),
    instead=("logs",),
    plants=(
        Plant("regression", "0.05 * torch.randn(2560)", "0.5 * torch.randn(2560)\nepochs = 90"),
        Plant("regression", "0.05 * torch.randn(2560)", "0.5 * torch.randn(2560)\nepochs = 60"),
    ),
    near_misses=(
        Plant("regression", "epochs = 20", "epochs = 10"),
        Plant("digits_mlp", "nn.Dropout(0.1)", "nn.Dropout(0.0)"),
    ),
)
def overfitting(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a run whose held-out loss turned."""
    yield from of_log(overfitting, facts)
    found = course(facts)
    if found.state != "overfitting":
        return
    evaluated = held_out(facts.evaluations or ())
    where = next((e.place for e in evaluated if e.place is not None), None)
    yield overfitting.finding(
        "held-out data gets worse while training goes on improving",
        where=(where,) if where is not None else (),
        seen=tuple(
            Measurement(what, round(value, 4), step=step)
            for what, value, step in (
                ("best held-out loss", found.held_best, found.best_step),
                ("held-out loss at the end", found.held_last, found.steps),
                ("training loss at the end", found.end, found.steps),
            )
            if value is not None
        ),
        fixes=(Fix(f"keep the state of step {found.best_step:,}, the best one", Trust.IDEA),)
        if found.best_step is not None
        else (),
    )
