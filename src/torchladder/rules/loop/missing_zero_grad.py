"""Gradients are never cleared between steps.

## What is wrong
`backward()` adds to the gradients that are there. Without `zero_grad()` each step uses the sum of
all batches so far.

## Why it hurts
The sum grows and points backwards in time: the loss falls at first, then swings and climbs.

## How it is found
At each step it is known which backward passes its gradients hold. Here nearly every step, from the
second on, consumes gradients left over from before the step before.

## What to do
`optimizer.zero_grad()` before each `backward()`, or after each `step()`.

## When it is a false alarm
Accumulation steps once per several backward passes and clears then; it is the carry over a *step*
that counts. GANs leave gradients of one network's loss in the other, cleared before that one's
step. Closures (LBFGS) clear inside. Several losses, or truncated back-propagation, give several
backward passes a step. Gradients decayed by hand instead of cleared are a momentum, and rare.

## Sources
Zeroing out gradients: https://pytorch.org/tutorials/recipes/recipes/zeroing_out_gradients.html
A loop without it: https://github.com/IBM/aihwkit/issues/446
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When leftovers are the rule and not the exception."""

    min_steps: float = limit(3, unit="dense steps", why="the first step can carry nothing")
    carried: float = limit(0.9, unit="fraction of steps after the first", why="one may be skipped")
    single: float = limit(1.5, unit="backward passes a step", why="more means accumulation")


@rule(
    "TL404",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers",),
    limits=Limits,
    explains=("TL102", "TL209", "TL212", "TL220", "TL306", "TL401", "TL402"),
    plants=(
        Plant("digits_mlp", "        optimizer.zero_grad()\n", ""),
        Plant("tiny_lm", "    optimizer.zero_grad(set_to_none=True)\n", ""),
    ),
    near_misses=(
        Plant(
            "tiny_lm",
            "    optimizer.zero_grad(set_to_none=True)\n"
            "    loss.backward()\n"
            "    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
            "    optimizer.step()\n",
            "    (loss / 2).backward()\n"
            "    if step % 2 == 1:\n"
            "        nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
            "        optimizer.step()\n"
            "        optimizer.zero_grad(set_to_none=True)\n",
        ),
        Plant(
            "digits_mlp",
            "        optimizer.zero_grad()\n        loss.backward()\n        optimizer.step()\n",
            "        loss.backward()\n        optimizer.step()\n"
            "        for p in model.parameters():\n            p.grad = None\n",
        ),
    ),
)
def missing_zero_grad(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose steps consume gradients of earlier steps."""
    for optimizer in facts.optimizers or ():
        if not _carries(optimizer, limits):
            continue
        where = (*optimizer.backward_places[:1], *optimizer.step_places[:1])
        before = f" before {where[0]}" if optimizer.backward_places else ""
        yield missing_zero_grad.finding(
            "each step uses the gradients of all batches so far; nothing clears them",
            where=where,
            seen=(
                Measurement(
                    "steps that used gradients of an earlier step",
                    optimizer.carried_steps,
                    unit=f"of {optimizer.dense_steps - 1}",
                    expected=0,
                ),
                Measurement("zero_grad calls", optimizer.zero_grads, expected="one a step"),
            ),
            remark="adds to the gradients of the step before",
            fixes=(
                Fix(
                    f"clear the gradients with zero_grad(){before}",
                    Trust.EXACT,
                    Change("zero_grad", {"phase": optimizer.phase}),
                ),
            ),
            phase=optimizer.phase,
        )


def _carries(optimizer: OptimizerFact, limits: Limits) -> bool:
    """Return whether nearly all steps after the first consume leftovers, and not by accumulation."""
    if optimizer.dense_steps < limits.min_steps or optimizer.n_reached == 0:
        return False
    if optimizer.carried_steps < limits.carried * (optimizer.dense_steps - 1):
        return False
    return optimizer.backwards_per_step <= limits.single or optimizer.zero_grads == 0
