"""The loss is a sum over the batch: its gradient grows with the batch size.

## What is wrong
With `reduction="sum"` the gradient is as many times that of the mean as the batch has samples (or
pixels, or positions).

## Why it hurts
The learning rate means something else for every batch size; at usual rates SGD leaps, and a last,
shorter batch pulls less than the others.

## How it is found
The option is read, and the differentiated scalar compared with the loss: it is the undivided sum. If
one batch cannot be fitted, it is tried again with the gradient divided by the number of values: fitted
then, and only then, this is the cause. Otherwise it is a remark.

## What to do
Use `reduction="mean"`, or divide the sum by the number of samples.

## When it is a false alarm
Sums divided afterwards are passed over. Learning rates may be set for a sum, as in many VAEs: a remark
only. Adam and its kin are nearly indifferent to the factor: nothing is said unless one batch is not fitted.

## Sources
Reduction of losses: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.core.step_facts import ObjectiveFact
from torchladder.rules.loop.trials import base_trial
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as an undivided sum."""

    slack: float = limit(1e-2, unit="relative difference", why="half precision rounds so far")
    elements: float = limit(4, unit="values", why="a smaller factor is no more than a step of the usual rates")


@rule(
    "TL305",
    rung=3,
    severity=Severity.NOTE,
    needs=("objectives",),
    limits=Limits,
    explains=("TL401", "TL209", "TL210"),
    plants=(
        Plant("tabular", "nn.BCEWithLogitsLoss()", 'nn.BCEWithLogitsLoss(reduction="sum")'),
        Plant("digits_amp", "F.cross_entropy(model(x), y)", 'F.cross_entropy(model(x), y, reduction="sum")'),
    ),
    near_misses=(
        Plant(
            "tabular",
            "loss = criterion(logits, yb)",
            'loss = nn.BCEWithLogitsLoss(reduction="sum")(logits, yb) / len(yb)',
        ),
        Plant("digits_mlp", "nn.CrossEntropyLoss()", 'nn.CrossEntropyLoss(reduction="sum")'),
    ),
)
def loss_reduction_sum(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a remark for each undivided sum, and a suspicion where one batch is not fitted with it."""
    for row in facts.objectives or ():
        if not _is_sum(row, _factors(facts), limits):
            continue
        n = round(row.elements or 0)
        base = base_trial(facts, row.phase)
        suspected = base is not None and not base.passed
        if not suspected and _indifferent(facts, row.phase):
            continue
        yield loss_reduction_sum.finding(
            f"`{row.functions[0]}` is a sum over {n} values: its gradient is {n} times the mean's",
            severity=Severity.ERROR if suspected else Severity.NOTE,
            where=tuple(p for p in (*row.losses, row.place) if p is not None),
            seen=(Measurement("values the loss adds up", n, expected=1),),
            fixes=(
                Fix(
                    'use `reduction="mean"`',
                    change=Change("scale_gradients", {"phase": row.phase, "factor": 1 / n}),
                ),
            ),
            standing=Standing.SUSPECTED if suspected else Standing.PROVEN,
            phase=row.phase,
        )


def _indifferent(facts: Facts, phase: int) -> bool:
    """Tell whether the optimizer divides by the size of its gradients."""
    return any(o.phase == phase and any(g.get("betas") for g in o.groups) for o in facts.optimizers or ())


def _is_sum(row: ObjectiveFact, factors: tuple[float, ...], limits: Limits) -> bool:
    """Return whether one loss is differentiated as the sum that it is."""
    if len(row.losses) != 1 or row.reductions != ("sum",) or row.scale is None or (row.elements or 0) < limits.elements:
        return False
    return any(abs(row.scale / factor - 1) <= limits.slack for factor in factors)


def _factors(facts: Facts) -> tuple[float, ...]:
    """Return what a loss may be multiplied by without being changed: nothing, or what a scaler takes back."""
    scalers = facts.scalers or ()
    return (1.0, *(factor for s in scalers for factor in (s.first, s.last) if factor))
