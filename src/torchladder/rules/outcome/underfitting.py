"""Training and held-out data are both fitted poorly, and equally so.

## What is wrong
The model is correctly wired and learns, but not much of what there is to learn: it has too little
capacity or time, or is held back by regularisation or a rate that is too small.

## Why it hurts
More data and more regularisation, the usual reflexes, make it worse.

## How it is found
The training loss ends less than half-way from blind guessing to zero, and the held-out loss within
a sixth of it. The full run's rung then tries the first steps without dropout and weight decay, and with
wider layers, and shows what each would give.

In a log (`torchladder diagnose`) the loss at the start stands for blind guessing: two thirds of it are left, both
sides are alike, and both still fall. One that stands is a plateau.

## What to do
In order of cost: train longer at a suitable rate; take regularisation and augmentation away; widen
the model; better inputs.

## When it is a false alarm
Problems with noise that no model can predict end far from zero as well as they can: a language
model, a noisy target.

## Sources
https://karpathy.github.io/2019/04/25/recipe/ (overfit first, then regularise)
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.outcome.course import course
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, rule

WIDE = """    nn.Linear(8, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
"""


@rule(
    "TL602",
    rung=6,
    severity=Severity.NOTE,
    needs=("curves", "evaluations", "outcome"),
    instead=("logs",),
    plants=(
        Plant("regression", WIDE, "    nn.Linear(8, 1),\n"),
        Plant("regression", WIDE, "    nn.Linear(8, 1),\n    nn.Tanh(),\n    nn.Linear(1, 1),\n"),
    ),
    near_misses=(
        Plant("digits_mlp", "hidden=128", "hidden=64"),
        Plant("regression", "0.05 * torch.randn(2560)", "0.2 * torch.randn(2560)"),
    ),
)
def underfitting(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a run that fits neither side."""
    yield from of_log(underfitting, facts)
    found = course(facts)
    if found.state == "underfitting" and found.end is not None and found.held_last is not None:
        yield underfitting.finding(
            "training and held-out data are both fitted poorly",
            seen=(
                Measurement("training loss at the end", round(found.end, 4), step=found.steps),
                Measurement("held-out loss at the end", round(found.held_last, 4), step=found.steps),
            ),
            fixes=(Fix("train longer; then without regularisation; then with wider layers", Trust.IDEA),),
        )
