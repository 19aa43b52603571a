"""Gradients are cleared between the backward pass and the step.

## What is wrong
`zero_grad()` stands after `backward()` and before `step()`.

## Why it hurts
The step finds no gradient and changes nothing (or only decays the weights). The loss stays where it
began, without a word.

## How it is found
At nearly every step all gradients are gone although a backward pass that reached the optimizer's
tensors has run since the last step, and the call that cleared them is known.

## What to do
Clear before `backward()` or after `step()`.

## When it is a false alarm
Clearing after the step, set to None or to zero; a step skipped by a gradient scaler; a network
whose stray gradients are cleared before its own backward pass (GANs); inner steps of adversarial or
meta-learning, cleared before the outer backward pass. In all of these the step finds gradients.

## Sources
Zeroing out gradients: https://pytorch.org/tutorials/recipes/recipes/zeroing_out_gradients.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When empty steps are the rule."""

    min_steps: float = limit(3, unit="dense steps", why="a scaler may skip one or two")
    empty: float = limit(0.9, unit="fraction of dense steps", why="one may be skipped")


@rule(
    "TL406",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers",),
    limits=Limits,
    explains=("TL220", "TL221", "TL402", "TL405"),
    plants=(
        Plant(
            "digits_mlp",
            "        optimizer.zero_grad()\n        loss.backward()\n",
            "        loss.backward()\n        optimizer.zero_grad()\n",
        ),
        Plant(
            "tiny_lm",
            "    optimizer.zero_grad(set_to_none=True)\n    loss.backward()\n",
            "    loss.backward()\n    optimizer.zero_grad(set_to_none=True)\n",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "        optimizer.zero_grad()\n        loss.backward()\n        optimizer.step()\n",
            "        loss.backward()\n        optimizer.step()\n        optimizer.zero_grad()\n",
        ),
        Plant(
            "digits_mlp",
            "        loss.backward()\n",
            "        loss.backward(retain_graph=True)\n        optimizer.zero_grad()\n        loss.backward()\n",
        ),
    ),
)
def zero_grad_before_step(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose steps find their gradients cleared."""
    for optimizer in facts.optimizers or ():
        if optimizer.dense_steps < limits.min_steps or optimizer.cleared_place is None:
            continue
        if optimizer.empty_steps < limits.empty * optimizer.dense_steps:
            continue
        yield zero_grad_before_step.finding(
            "the gradients are cleared between the backward pass and the step",
            where=(
                optimizer.cleared_place,
                *optimizer.step_places[:1],
                *optimizer.backward_places[:1],
            ),
            seen=(
                Measurement(
                    "steps that found no gradient",
                    optimizer.empty_steps,
                    unit=f"of {optimizer.dense_steps}",
                    expected=0,
                ),
            ),
            remark="clears what backward has just computed",
            fixes=(
                Fix(
                    "clear the gradients before backward() or after step()",
                    Trust.EXACT,
                    Change("keep_grads", {"phase": optimizer.phase}),
                ),
            ),
            phase=optimizer.phase,
        )
