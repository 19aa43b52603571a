"""A division meets zero: a norm, count or standard deviation that can vanish.

## What is wrong
Something is divided by a quantity that is zero for some batch: the norm of a zero vector, the
number of positives, the deviation of equal values or of a single one. The first NaN or Inf of the
run arises there.

## Why it hurts
The loss becomes NaN or infinite, its gradient makes every weight NaN, and the run is lost.

## How it is found
The first operation, forward or backward, that makes NaN or Inf of finite values, with its line and
the range of the divisor; only where the loss is then not finite and had not grown before.

## What to do
Add a small number to the divisor or clamp it (`count.clamp_min(1)`), or use `F.normalize`.

## When it is a false alarm
Quotients that are masked afterwards, gradients that a loss scaler skips: the loss stays finite.
Weights that grew by orders of magnitude (lr-too-high), data that holds NaN (data-nonfinite), and
logarithms and roots (loss-log-of-zero).

## Sources
https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html (eps).
https://pytorch.org/docs/stable/generated/torch.std.html (correction, a single value).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, NonFiniteFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

DIVISIONS = {
    "div", "divide", "true_divide", "floor_divide", "__truediv__", "__rtruediv__", "__div__",
    "__rdiv__", "reciprocal", "rsqrt", "remainder", "fmod",
}  # fmt: skip
# Their gradients divide by their own value, which is zero for zero or equal operands.
NORMS = {"norm", "vector_norm", "linalg_vector_norm", "linalg_norm", "std", "std_mean", "cdist"}
SINGLE = {"std", "var", "std_mean", "var_mean"}  # NaN for a single value
SHOWN = {"__truediv__": "/", "__rtruediv__": "/", "__div__": "/", "__rdiv__": "/", "div": "/"}


@dataclass(frozen=True, slots=True)
class Limits:
    """When the run had already gone wrong before, and what counts as zero."""

    max_weight: float = limit(1e3, unit="absolute weight", why="weights this large come from steps that were too long")
    growth: float = limit(100.0, unit="times the first loss", why="a loss that has grown so far is diverging anyway")
    tiny: float = limit(1e-30, unit="divisor", why="dividing a number of order 1e8 by less overflows single precision")


@rule(
    "TL307",
    rung=2,
    severity=Severity.ERROR,
    needs=("nonfinite", "loss_calls"),
    limits=Limits,
    explains=("TL212", "TL401", "TL604"),
    plants=(
        Plant(
            "regression",
            "mse(model(xb).squeeze(-1), yb)",
            "(((model(xb).squeeze(-1) - yb) ** 2) / (xb[:, 0] > 3.5).sum()).sum()",
        ),
        Plant(
            "digits_cnn",
            "logits = model(xb)",
            "logits = model(xb) / (xb[:, 0, 0, 0] > 0).sum()",
        ),
    ),
    near_misses=(
        Plant(
            "regression",
            "mse(model(xb).squeeze(-1), yb)",
            "(((model(xb).squeeze(-1) - yb) ** 2) / (1 + (xb[:, 0] > 3.5).sum())).sum() / 32",
        ),
        Plant(
            "digits_cnn",
            "logits = model(xb)",
            "logits = model(xb) / (1 + (xb[:, 0, 0, 0] > 0).sum())",
        ),
    ),
)
def loss_division_by_zero(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for the first operation of a phase that divides by zero."""
    for row in facts.nonfinite or ():
        if not _divides_by_zero(row, limits) or _diverged(facts, row, limits):
            continue
        if not row.lost and not _spoils(facts, row.phase):
            continue
        backward = row.where == "backward"
        name = SHOWN.get(row.function, row.function)
        change = None
        if row.place is not None:
            args = {"path": row.place.path, "line": row.place.line, "function": row.function, "eps": 1e-6}
            change = Change("clamp_operand", args)
        yield loss_division_by_zero.finding(
            f"{'the gradient of ' if backward else ''}`{name}` divides by zero, and then the loss is not finite",
            where=(row.place,) if row.place else (),
            module=row.module,
            seen=(
                Measurement("operand's range", [row.operand_min, row.operand_max], expected="not 0"),
                Measurement("first not finite", row.kind, step=row.step),
            ),
            remark=f"makes {row.kind} of finite values",
            fixes=(Fix("add a small number to the divisor, or clamp it", Trust.LIKELY, change),),
            phase=row.phase,
        )
        return


def _divides_by_zero(row: NonFiniteFact, limits: Limits) -> bool:
    """Tell whether the operation divides, and by something that reaches zero."""
    low, high = row.operand_min, row.operand_max
    if row.where == "backward" and row.function in NORMS:
        return True
    if row.where == "forward" and row.function in SINGLE:
        return True
    if row.where not in {"forward", "backward"} or row.function not in DIVISIONS:
        return False
    return low is not None and high is not None and low <= limits.tiny and high >= -limits.tiny


def _diverged(facts: Facts, row: NonFiniteFact, limits: Limits) -> bool:
    """Tell whether the weights or the loss had grown by orders of magnitude before."""
    if row.max_weight is not None and row.max_weight > limits.max_weight:
        return True
    losses = next((c.losses for c in facts.curves or () if c.phase == row.phase and c.losses), ())
    if row.loss_before is None or not losses or not math.isfinite(losses[0]):
        return False
    return abs(row.loss_before) > limits.growth * max(abs(losses[0]), 1.0)


def _spoils(facts: Facts, phase: int) -> bool:
    """Tell whether some loss of the phase was not finite."""
    values = [c.value for c in facts.loss_calls or () if c.phase == phase]
    values += [v for c in facts.curves or () for v in c.losses if c.phase == phase]
    values += [v for t in facts.trials or () for v in t.losses if (t.label, t.phase) == ("base", phase)]
    return any(v is not None and not math.isfinite(v) for v in values)
