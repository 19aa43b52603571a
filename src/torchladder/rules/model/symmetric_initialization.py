"""All units of a layer start equal, and stay equal.

## What is wrong
Weights were filled with one constant. Every unit of the layer computes the same, gets the same
gradient, and makes the same step.

## Why it hurts
The layer has as many units as it says and the power of one. With zeros throughout, no gradient gets
past the last layer at all.

## How it is found
The rows of each weight are compared at the first and at the last observed step, and so are the rows
of its gradient. Rows equal in all three prove it; so do two or more weights whose equal rows get no
gradient whatever.

## What to do
Leave the default initialisation, or draw from `kaiming_uniform_`.

## When it is a false alarm
Biases and normalisation gains (one-dimensional, passed over); zero-initialised heads and residual
branches, LoRA's B and position tables, whose rows part after the first step; a single output unit;
frozen filters that average.

## Sources
Glorot and Bengio: https://proceedings.mlr.press/v9/glorot10a.html
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.loop.trials import base_passed
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import NoLimits, Plant, rule

MATRIX = 2


@rule(
    "TL214",
    rung=2,
    severity=Severity.ERROR,
    needs=("parameters",),
    explains=("TL209", "TL220", "TL221", "TL402"),
    plants=(
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nfor p in model.parameters():\n    nn.init.constant_(p, 0.02)",
        ),
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nfor p in model.parameters():\n    nn.init.zeros_(p)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nnn.init.zeros_(model.head.weight)",
        ),
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nnn.init.zeros_(model.fc1.bias)\nnn.init.zeros_(model.fc2.bias)",
        ),
    ),
)
def symmetric_initialization(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for each phase with layers whose units cannot part."""
    equal = [p for p in facts.parameters or () if _rows_equal(p)]
    for phase in sorted({p.phase for p in equal}):
        here = [p for p in equal if p.phase == phase]
        same = [p for p in here if p.grad_rows_equal]
        still = [p for p in here if p.grad_zero]
        if not same and (len(still) <= 1 or base_passed(facts, phase)):
            continue
        layers = same or still
        first = layers[0]
        modules = [p.module for p in here if p.module]
        yield symmetric_initialization.finding(
            f"all {first.shape[0]} units of a layer have the same weights and the same gradient",
            where=lines(*(p.filled_at for p in layers), *(p.created for p in layers))[:4],
            module=first.module,
            seen=(Measurement("weights with equal rows after training steps", len(here), expected=0),),
            notes=(f"equal rows: {', '.join(p.name for p in layers[:3])}",),
            fixes=(
                Fix(
                    "initialise these layers at random",
                    change=Change("reinitialise", {"phase": phase, "modules": modules}),
                ),
            ),
            phase=phase,
        )


def _rows_equal(p: ParameterFact) -> bool:
    """Return whether a weight of several units that may train has equal rows throughout."""
    several = len(p.shape) >= MATRIX and p.shape[0] > 1
    trains = p.requires_grad and p.reached and (p.in_optimizer or p.in_any_optimizer or p.changed)
    return several and bool(trains) and p.rows_equal is True
