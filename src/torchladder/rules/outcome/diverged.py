"""The loss ends far above where it began, or is no number any more.

## What is wrong
Training has run away: the rate is too high for what the schedule does with it, gradients explode, or a loss
without a lower bound is being followed.

## Why it hurts
The weights of the end are worse than those of the beginning.

## How it is found
The last twentieth of the training loss is NaN or infinite, or more than three times the first
twentieth and than the best one. One batch was memorised at the same rate, so that it takes a longer run to show.

In a log (`torchladder diagnose`), a loss that loses for good what it had reached counts as well.

## What to do
A lower learning rate or a warm-up; clip gradients by their global norm; look at the step at which the loss first rises.

## When it is a false alarm
Losses whose weight grows on purpose (annealed KL terms), adversarial and reinforcement losses:
only plain losses of programs with one optimizer are judged by their growth.

## Sources
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
"""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.trial_facts import NonFiniteFact
from torchladder.rules.outcome.course import course
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, rule

GROWTH = """        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = min(group["lr"] * 1.01, 30.0)
"""


@rule(
    "TL604",
    rung=6,
    severity=Severity.NOTE,
    needs=("curves", "evaluations", "outcome"),
    instead=("logs",),
    plants=(
        Plant("regression", "        optimizer.step()\n", GROWTH),
        Plant("regression", "        optimizer.step()\n", GROWTH.replace("30.0", "1e12")),
    ),
    near_misses=(
        Plant("regression", "epochs = 20", "epochs = 30"),
        Plant("digits_mlp", "lr=2e-3", "lr=4e-3"),
    ),
)
def diverged(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a run that ran away."""
    yield from of_log(diverged, facts)
    found = course(facts)
    if found.state != "diverged" or found.end is None or found.start is None:
        return
    call = next((c for c in facts.loss_calls or () if c.differentiated), None)
    alone = len([c for c in facts.curves or () if c.losses]) == 1
    plain = call is not None and call.function != "custom"
    if math.isfinite(found.end) and not (alone and plain):
        return
    optimizer = next(iter(facts.optimizers or ()), None)
    origin = next((n for n in facts.nonfinite or () if n.function != "unknown"), None)
    made = optimizer.created if optimizer is not None else None
    at = origin.place if origin is not None and not math.isfinite(found.end) else None
    yield diverged.finding(
        _words(found.end, origin),
        severity=None if math.isfinite(found.end) else Severity.WARNING,
        where=tuple(p for p in (at, made) if p is not None),
        module=origin.module if at is not None and origin is not None else None,
        seen=(
            Measurement("training loss at the start", round(found.start, 4), step=0),
            Measurement("training loss at the end", found.end, expected="lower", step=found.steps),
            *_operand(origin if at is not None else None),
        ),
        fixes=(Fix("lower the learning rate or clip gradients by their global norm", Trust.IDEA),),
    )


def _words(end: float, origin: NonFiniteFact | None) -> str:
    """Return what happened, with the operation that made the first NaN or Inf where it is known."""
    if math.isfinite(end):
        return "the loss ends far above where it began"
    if origin is None:
        return "the loss is no number any more"
    word = "Inf" if origin.kind == "inf" else "NaN"
    where = {"input": "its input holds", "weight": "a weight holds"}.get(origin.where, f"`{origin.function}` made")
    backward = " in the backward pass" if origin.where == "backward" else ""
    return f"the loss is no number any more: {where} the first {word}{backward} at step {origin.step}"


def _operand(origin: NonFiniteFact | None) -> tuple[Measurement, ...]:
    if origin is None or origin.operand_max is None:
        return ()
    return (Measurement(f"largest value given to `{origin.function}`", origin.operand_max, step=origin.step),)
