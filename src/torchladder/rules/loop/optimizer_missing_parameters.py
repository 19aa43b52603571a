"""Parameters that get gradients are in no optimizer.

## What is wrong
Some of the model's parameters require grad and the loss reaches them, but no optimizer holds them:
only part of the model was handed over, or a layer was added after.

## Why it hurts
They keep their random start while the rest trains around them.

## How it is found
Parameters that the loss reaches are compared with the tensors of every optimizer. Those that are
nobody's, still as initialised, and unchanged over the observed steps are named.

## What to do
Hand them to the optimizer, or freeze them with `requires_grad_(False)` to say that it is meant.

## When it is a false alarm
Pretrained or earlier trained bodies left out on purpose (they were written to before); adapters on
a loaded model; parameters that another phase trains, or that the program updates itself; networks
that only carry the gradient to another one (the generator's loss through the critic). A random body
left out on purpose is a warning at least, and an error if it holds most of the numbers.

## Sources
Per-parameter options: https://pytorch.org/docs/stable/optim.html
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When what is missing is most of the model."""

    most: float = limit(0.5, unit="fraction of trainable numbers", why="more than the rest together")
    min_steps: float = limit(2, unit="dense steps", why="a network may join at the second step")


@rule(
    "TL408",
    rung=3,
    severity=Severity.WARNING,
    needs=("optimizers", "parameters"),
    limits=Limits,
    explains=("TL220", "TL402"),
    plants=(
        Plant(
            "digits_mlp",
            "torch.optim.Adam(model.parameters(), lr=2e-3)",
            "torch.optim.Adam([*model.fc1.parameters(), *model.fc2.parameters()], lr=2e-3)",
        ),
        Plant(
            "tiny_lm",
            "torch.optim.AdamW(model.parameters(),",
            "torch.optim.AdamW(model.head.parameters(),",
        ),
    ),
    near_misses=(
        Plant(
            "finetune",
            "for p in net.features.parameters():\n    p.requires_grad = False\n",
            "",
        ),
        Plant(
            "tiny_lm",
            "model = CharLM()\noptimizer = torch.optim.AdamW(model.parameters(),",
            "model = CharLM()\nmodel.pos.requires_grad_(False)\n"
            "optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad],",
        ),
    ),
)
def optimizer_missing_parameters(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase in which some reached parameters are nobody's."""
    # Two networks of one kind have the same names; the lines that made their layers tell them apart.
    trained = {(p.name, p.shape, p.created) for p in facts.parameters or () if p.in_optimizer or p.in_any_optimizer}
    for optimizer in facts.optimizers or ():
        if optimizer.n_reached == 0 or optimizer.dense_steps < limits.min_steps:
            continue
        here = [p for p in facts.parameters or () if p.phase == optimizer.phase and _trainable(p)]
        missing = [p for p in here if _nobodys(p) and (p.name, p.shape, p.created) not in trained]
        if missing:
            yield _finding(optimizer, here, missing, limits)


def _trainable(p: ParameterFact) -> bool:
    """Return whether the loss reaches a registered parameter that requires grad."""
    return p.registered and p.reached and p.requires_grad


def _nobodys(p: ParameterFact) -> bool:
    """Return whether no optimizer holds it and nothing has ever written to it."""
    held = p.in_optimizer or p.in_any_optimizer
    return not held and p.changed is not True and p.fresh is not False


def _finding(
    optimizer: OptimizerFact,
    here: list[ParameterFact],
    missing: list[ParameterFact],
    limits: Limits,
) -> Finding:
    """Return the finding; an error when most of the numbers are missing."""
    n_missing = sum(math.prod(p.shape) for p in missing)
    n_all = sum(math.prod(p.shape) for p in here)
    names = [p.name for p in missing]
    places = (optimizer.created, missing[0].created)
    return optimizer_missing_parameters.finding(
        f"{len(missing)} of {len(here)} parameters that get gradients are in no optimizer",
        severity=Severity.ERROR if n_missing > limits.most * n_all else Severity.WARNING,
        where=tuple(place for place in places if place is not None),
        module=missing[0].module,
        seen=(
            Measurement(
                "numbers that get gradients and never train",
                n_missing,
                unit=f"of {n_all}",
                expected=0,
            ),
        ),
        notes=(f"in no optimizer: {', '.join(names[:3])}",),
        fixes=(
            Fix(
                "hand them to the optimizer",
                change=Change("add_to_optimizer", {"phase": optimizer.phase, "names": names}),
            ),
        ),
        phase=optimizer.phase,
    )
