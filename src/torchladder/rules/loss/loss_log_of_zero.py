"""A logarithm, root or power meets a value at which it or its gradient is not finite.

## What is wrong
`log(0)`, `sqrt(-1)`, the gradient of `sqrt` at 0, `acos(1)`, a negative number to a fractional
power: the first NaN or Inf of the run arises at such an operation from finite operands.

## Why it hurts
The loss becomes NaN or infinite, its gradient makes every weight NaN, and the run is lost. It may
take thousands of steps until a probability rounds to 0.

## How it is found
The first operation, forward or backward, that makes NaN or Inf of finite values, with its line and
the range of its operand; only where the loss is then not finite and had not grown before.

## What to do
Clamp the operand (`p.clamp_min(1e-8).log()`), or use the stable form: `log_softmax`,
`logsigmoid`, `binary_cross_entropy_with_logits`, `torch.hypot`, `sqrt(x + eps)`.

## When it is a false alarm
`mask.log()` added to scores, entries that are masked afterwards, gradients that a loss scaler
skips: the loss stays finite. An `exp` that overflows, or weights that grew by orders of magnitude,
which is the learning rate's fault (lr-too-high). Data that holds NaN itself (data-nonfinite).

## Sources
https://pytorch.org/docs/stable/notes/numerical_accuracy.html
Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, 2021.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, NonFiniteFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

# The range in which each is finite and so is its gradient: below or at the first, from the second.
LOW = {"log": 0.0, "log2": 0.0, "log10": 0.0, "log1p": -1.0, "sqrt": 0.0, "pow": 0.0, "xlogy": 0.0}
BETWEEN = {"acos": (-1, 1), "asin": (-1, 1), "atanh": (-1, 1), "logit": (0, 1), "erfinv": (-1, 1)}
SAME = {"arccos": "acos", "arcsin": "asin", "arctanh": "atanh", "__pow__": "pow", "float_power": "pow"}


@dataclass(frozen=True, slots=True)
class Limits:
    """When the run had already gone wrong before."""

    max_weight: float = limit(1e3, unit="absolute weight", why="weights this large come from steps that were too long")
    growth: float = limit(100.0, unit="times the first loss", why="a loss that has grown so far is diverging anyway")
    huge: float = limit(1e4, unit="operand", why="small whole powers of larger numbers overflow half precision")
    tiny: float = limit(1e-37, unit="operand", why="single precision rounds what is smaller to zero on some devices")


@rule(
    "TL306",
    rung=2,
    severity=Severity.ERROR,
    needs=("nonfinite", "loss_calls"),
    limits=Limits,
    explains=("TL212", "TL401", "TL604"),
    plants=(
        Plant(
            "tabular",
            "loss = criterion(logits, yb)",
            "p = (2 * logits).clamp(0, 1)\n        loss = -(yb * p.log() + (1 - yb) * (1 - p).log()).mean()",
        ),
        Plant(
            "regression",
            "mse(model(xb).squeeze(-1), yb)",
            "mse(model(xb).squeeze(-1).sqrt(), yb)",
        ),
    ),
    near_misses=(
        Plant(
            "tabular",
            "loss = criterion(logits, yb)",
            "p = logits.sigmoid().clamp(1e-6, 1 - 1e-6)\n"
            "        loss = -(yb * p.log() + (1 - yb) * (1 - p).log()).mean()",
        ),
        Plant(
            "digits_cnn",
            "F.cross_entropy(logits, yb)",
            "F.cross_entropy(logits + torch.ones(10).log().clamp_min(-9), yb)",
        ),
        Plant(
            "regression",
            "mse(model(xb).squeeze(-1), yb)",
            "((model(xb).squeeze(-1) - yb) ** 2 + 1e-6).sqrt().mean()",
        ),
    ),
)
def loss_log_of_zero(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for the first operation of a phase that leaves its domain."""
    for row in facts.nonfinite or ():
        function = SAME.get(row.function, row.function)
        if not _outside(row, function, limits) or _diverged(facts, row, limits):
            continue
        if not row.lost and not _spoils(facts, row.phase):
            continue
        backward = row.where == "backward"
        what = f"the gradient of `{function}`" if backward else f"`{function}`"
        seen = [
            Measurement("operand's range", [row.operand_min, row.operand_max], expected=_domain(function)),
            Measurement("first not finite", row.kind, step=row.step),
        ]
        change = None
        if row.place is not None:
            args = {"path": row.place.path, "line": row.place.line, "function": row.function, "eps": 1e-6}
            change = Change("clamp_operand", args)
        at = "0" if row.operand_min is None else f"{row.operand_min:.4g}"
        if function in BETWEEN and row.operand_min is not None and row.operand_max is not None:
            at = f"[{row.operand_min:.4g}, {row.operand_max:.4g}]"
        yield loss_log_of_zero.finding(
            f"{what} is not finite at {at}, and then the loss is not",
            where=(row.place,) if row.place else (),
            module=row.module,
            seen=tuple(seen),
            remark=f"makes {row.kind} of finite values",
            fixes=(Fix("clamp the operand, or use the stable form", Trust.LIKELY, change),),
            phase=row.phase,
        )
        return


def _outside(row: NonFiniteFact, function: str, limits: Limits) -> bool:
    """Tell whether the operand reaches where the function or its gradient is not finite."""
    if row.where not in {"forward", "backward"}:
        return False
    low, high = row.operand_min, row.operand_max
    if function in BETWEEN:
        ends = BETWEEN[function]
        return low is not None and high is not None and (low <= ends[0] or high >= ends[1])
    if function not in LOW:
        return False
    if function == "pow" and row.kind.lower().startswith("inf") and not _is_moderate(row, limits):
        return False  # an overflow
    if low is None:  # the gradient of a root or a power fails nowhere else
        return row.where == "backward" and function in {"sqrt", "pow"}
    return low <= LOW[function] + (limits.tiny if LOW[function] == 0 else 0)


def _is_moderate(row: NonFiniteFact, limits: Limits) -> bool:
    ends = [v for v in (row.operand_min, row.operand_max) if v is not None]
    return all(abs(v) < limits.huge for v in ends)


def _domain(function: str) -> str:
    if function in BETWEEN:
        return f"inside {list(BETWEEN[function])}"
    return f"above {LOW[function]:g}"


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
