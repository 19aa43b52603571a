"""Prediction and target have different shapes, and the loss broadcasts them.

## What is wrong
A prediction of shape (B, 1) and a target of shape (B,) do not pair up element by element: they
spread to (B, B), and every prediction is compared with every target.

## Why it hurts
The best answer to all targets at once is their mean. The loss falls for a while, levels off near
the variance of the targets, and no change of the model moves it.

## How it is found
The shapes of both operands are read at every element-wise operation between a tensor that requires
grad and data that does not, during the first training steps.

## What to do
Give both the same shape where the loss is computed: `pred.squeeze(-1)`.

## When it is a false alarm
Pairwise differences that are meant (both operands derived from the model), per-feature weights,
and scalars. These do not pair a (B, 1) prediction with (B,) data.

## Sources
PyTorch broadcasting semantics: https://pytorch.org/docs/stable/notes/broadcasting.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When enough has been seen."""

    min_times: float = limit(2, unit="operations", why="one odd operation may be the last batch")


@rule(
    "TL301",
    rung=2,
    severity=Severity.ERROR,
    needs=("broadcasts",),
    limits=Limits,
    explains=("TL220", "TL221", "TL402"),
    plants=(
        Plant("regression", "model(xb).squeeze(-1)", "model(xb)"),
        Plant("regression", "mse(model(xb).squeeze(-1), yb)", "((model(xb) - yb) ** 2).mean()"),
    ),
    near_misses=(
        Plant("regression", "mse(model(xb).squeeze(-1), yb)", "mse(model(xb), yb.unsqueeze(-1))"),
        Plant(
            "regression",
            "mse(model(xb).squeeze(-1), yb)",
            "mse(model(xb).squeeze(-1), yb) * torch.ones(1)",
        ),
    ),
)
def loss_broadcast(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first operation that spreads (B, 1) against (B,)."""
    odd = [b for b in facts.broadcasts or () if b.times >= limits.min_times]
    if not odd:
        return
    first = odd[0]
    yield loss_broadcast.finding(
        f"`{first.function}` pairs a prediction of shape {list(first.prediction)} "
        f"with a target of shape {list(first.target)}",
        where=(first.place,) if first.place else (),
        seen=(Measurement("shape of the element-wise result", list(first.result), expected=list(first.target)),),
        remark=f"spreads to {list(first.result)}: every prediction meets every target",
        fixes=(
            Fix(
                "give the target the prediction's shape where the loss is computed",
                Trust.LIKELY,
                Change("align_shapes", {"path": first.place.path, "line": first.place.line} if first.place else {}),
            ),
        ),
        phase=first.phase,
    )
