"""Gradients of several micro-batches are added up, and the loss is not divided by their number.

## What is wrong
The loss is a mean over its micro-batch. `backward()` is called k times before each step, so that the
gradient is the sum of k means: k times that of one large batch.

## Why it hurts
With SGD the learning rate is in effect k times what is written; clipping cuts k times as hard, and
weight decay counts for a k-th. Adam is nearly indifferent to the factor.

## How it is found
At each backward pass the differentiated scalar is compared with the value of the loss it depends on.
They are equal, the loss takes the mean, and its line is differentiated k times between two steps.

## What to do
Differentiate `loss / k`.

## When it is a false alarm
Losses divided by hand or by a library, sums that are divided at the end, several different losses
differentiated one after the other, steps of several optimizers, and Adam (a note only) are passed over.

## Sources
Gradient accumulation: https://huggingface.co/docs/accelerate/usage_guides/gradient_accumulation
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.core.step_facts import ObjectiveFact
from torchladder.rules.registry import Plant, limit, rule

PROPORTIONAL = {"SGD", "ASGD", "LBFGS", "RMSpropTF", "LARS"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as the same loss, several times."""

    least: float = limit(2, unit="backward passes a step", why="one is no accumulation")
    slack: float = limit(1e-2, unit="relative difference", why="half precision rounds so far")


@rule(
    "TL413",
    rung=4,
    severity=Severity.WARNING,
    needs=("objectives", "optimizers"),
    limits=Limits,
    explains=("TL401",),
    plants=(
        Plant("digits_schedule", "(loss / accumulate).backward()", "loss.backward()"),
        Plant(
            "tabular",
            "        optimizer.zero_grad()\n        logits = model(xb).squeeze(-1)\n"
            "        loss = criterion(logits, yb)\n        loss.backward()\n        optimizer.step()\n",
            "        optimizer.zero_grad()\n        for half, rest in zip(xb.split(4), yb.split(4), strict=True):\n"
            "            loss = criterion(model(half).squeeze(-1), rest)\n            loss.backward()\n"
            "        optimizer.step()\n",
        ),
    ),
    near_misses=(
        Plant("digits_schedule", "(loss / accumulate).backward()", "(0.5 * loss).backward()"),
        Plant(
            "tabular",
            "        loss.backward()\n",
            "        loss.backward(retain_graph=True)\n        (1e-4 * logits.square().mean()).backward()\n",
        ),
    ),
)
def gradient_accumulation_unscaled(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each line that adds up whole means."""
    phases = [o.phase for o in facts.optimizers or ()]
    for row in facts.objectives or ():
        optimizer = next((o for o in facts.optimizers or () if o.phase == row.phase), None)
        alone = sum(r.phase == row.phase for r in facts.objectives or ()) == 1
        if optimizer is None or not alone or len(phases) > 1 or optimizer.closure or not _whole_means(row, limits):
            continue
        k = round(row.per_step)
        severity = Severity.WARNING if optimizer.type in PROPORTIONAL else Severity.NOTE
        yield gradient_accumulation_unscaled.finding(
            f"each step adds up {k} gradients of the mean loss: its gradient is {k} times that of one batch",
            severity=severity,
            where=(*((row.place,) if row.place else ()), *row.losses),
            seen=(
                Measurement("backward passes a step", k),
                Measurement(
                    "differentiated scalar over the loss", round(row.scale or 0.0, 3), expected=round(1 / k, 4)
                ),
            ),
            notes=() if severity is Severity.WARNING else (f"`{optimizer.type}` is nearly indifferent to the factor",),
            fixes=(
                Fix(
                    f"divide the loss by {k} before `backward()`",
                    change=Change("scale_gradients", {"phase": row.phase, "factor": 1 / k}),
                ),
            ),
            phase=row.phase,
        )


def _whole_means(row: ObjectiveFact, limits: Limits) -> bool:
    """Return whether one mean loss is differentiated as it is, several times a step."""
    if row.per_step < limits.least or row.scale is None or len(row.losses) != 1:
        return False
    return row.reductions == ("mean",) and abs(row.scale - 1) <= limits.slack
