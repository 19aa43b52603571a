"""A new optimizer takes the place of the old one, over and over.

## What is wrong
The line that builds the optimizer is inside the training loop: every epoch, or every step, a new one
begins over the same parameters.

## Why it hurts
Momentum and Adam's moments are what an optimizer has learned about the gradients. Each new one begins
without them: Adam's first steps are as long as its learning rate whatever the gradient, momentum
never builds up, and a scheduler goes on stepping an optimizer that nobody uses.

## How it is found
Each optimizer is compared with the one that the same line built before: the same tensors with the
values that one left in them, the same settings, the same data, and at most one pass over it between.

## What to do
Build it once, before the loop.

## When it is a false alarm
One optimizer for each fold, model, stage or task, other parameters, another learning rate, weights
that were reset or loaded between, plain gradient descent (it has no state) and LBFGS are passed over.

## Sources
Adam's bias-corrected first steps: https://arxiv.org/abs/1412.6980
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How often is too often."""

    renewed: float = limit(3, unit="optimizers", why="a few stages with an optimizer each are usual")
    few_steps: float = limit(2, unit="steps of each", why="no moment is more than its first values by then")


@rule(
    "TL409",
    rung=3,
    severity=Severity.WARNING,
    needs=("renewals",),
    limits=Limits,
    explains=("TL401", "TL402", "TL410"),
    plants=(
        Plant(
            "digits_mlp",
            "    model.train()\n    total",
            "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n    model.train()\n    total",
        ),
        Plant(
            "regression",
            "        loss = mse(model(xb).squeeze(-1), yb)\n",
            "        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)\n"
            "        loss = mse(model(xb).squeeze(-1), yb)\n",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "    model.train()\n    total",
            "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3 / (1 + epoch))\n    model.train()\n    total",
        ),
        Plant(
            "digits_mlp",
            "    model.train()\n    total",
            "    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)\n    model.train()\n    total",
        ),
    ),
)
def optimizer_recreated(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each line that renews an optimizer with state."""
    for row in facts.renewals or ():
        if not row.stateful or row.renewed < limits.renewed:
            continue
        each_step = row.steps_each <= limits.few_steps
        often = "every step" if row.steps_each <= 1 else f"every {row.steps_each:.0f} steps"
        yield optimizer_recreated.finding(
            f"a new `{row.type}` is made {often} over the same parameters: what the last one gathered is lost",
            severity=Severity.ERROR if each_step else Severity.WARNING,
            where=(row.place,) if row.place is not None else (),
            seen=(
                Measurement("optimizers made on this line", row.made, expected=1),
                Measurement("steps of each", round(row.steps_each)),
            ),
            fixes=(Fix(f"make the `{row.type}` once, before the loop", change=Change("keep_optimizer")),),
        )
