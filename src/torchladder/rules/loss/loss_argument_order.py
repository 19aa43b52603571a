"""Prediction and target are swapped in a loss that is not symmetric.

## What is wrong
The loss is called as `loss(target, prediction)`; torch's order is `loss(prediction, target)`.

## Why it hurts
`cross_entropy` and `nll_loss` mostly end with an exception about types or shapes. The binary and
divergence losses run: they take the labels for outputs and the outputs for labels, and their
minimum is not where prediction and target agree.

## How it is found
The second argument requires grad and the first does not, in the first training steps.

## What to do
Swap the arguments, or name them: `loss(input=logits, target=labels)`.

## When it is a false alarm
Symmetric losses (MSE, L1, smooth L1, Huber), where the order changes nothing; a reverse
divergence, `kl_div(teacher_log_probs, student_probs)`; entropy terms, where both arguments require
grad; a reversed cross-entropy against soft labels.

## Sources
https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, TensorFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

INDEXED = {"cross_entropy", "nll_loss", "multi_margin_loss", "poisson_nll_loss"}
BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How exactly log-probabilities are told from probabilities."""

    slack: float = limit(1e-3, unit="probability", why="rounding in a row's sum")


@rule(
    "TL304",
    rung=2,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL105", "TL106", "TL212", "TL302", "TL303", "TL401"),
    plants=(
        Plant("tabular", "criterion(logits, yb)", "criterion(yb, logits)"),
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.cross_entropy(yb, logits)", crashes=True),
    ),
    near_misses=(
        Plant("regression", "mse(model(xb).squeeze(-1), yb)", "mse(yb, model(xb).squeeze(-1))"),
        Plant("tabular", "criterion(logits, yb)", "criterion(target=yb, input=logits)"),
        Plant(
            "digits_cnn",
            "F.cross_entropy(logits, yb)",
            "F.kl_div(\n"
            "            (0.9 * F.one_hot(yb, 10) + 0.01).log(), logits.softmax(1), reduction='batchmean'\n"
            "        )",
        ),
    ),
)
def loss_argument_order(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding per line that passes data as prediction and prediction as target."""
    seen = set()
    for call in facts.loss_calls or ():
        first, second = call.input, call.target
        if first is None or second is None or call.place in seen:
            continue
        if first.requires_grad or not second.requires_grad:
            continue
        if not call.differentiated and call.value is not None:
            continue
        if not _swapped(call, first, second, limits):
            continue
        seen.add(call.place)
        change = None
        if call.place is not None:
            args = {"path": call.place.path, "line": call.place.line, "function": call.function}
            change = Change("swap_loss_arguments", args)
        yield loss_argument_order.finding(
            f"`{call.function}` is given data as its input and the prediction as its target",
            where=(call.place,) if call.place else (),
            seen=(
                Measurement("first argument", _form(first), expected="the prediction"),
                Measurement("second argument", _form(second), expected="the data"),
            ),
            remark="takes the prediction first",
            fixes=(Fix("swap the two arguments", Trust.LIKELY, change),),
            phase=call.phase,
        )


def _swapped(call: LossCallFact, first: TensorFact, second: TensorFact, limits: Limits) -> bool:
    """Tell whether the order cannot have been meant, given that only ``second`` requires grad."""
    if call.function in INDEXED:
        return True
    if call.function in BINARY:
        probabilities = second.min is not None and second.max is not None and (second.min >= 0 and second.max <= 1)
        return first.integral or (not probabilities and _within_unit(first))
    if call.function == "kl_div" and not call.options.get("log_target"):
        logarithms = second.max is not None and second.max <= limits.slack and second.min != 0
        sums_to_one = first.row_sum is not None and abs(first.row_sum - 1) <= limits.slack
        return logarithms and sums_to_one and _within_unit(first)
    return False


def _within_unit(tensor: TensorFact) -> bool:
    return tensor.min is not None and tensor.max is not None and tensor.min >= 0 and tensor.max <= 1


def _form(tensor: TensorFact) -> str:
    grad = "requires grad" if tensor.requires_grad else "no grad"
    return f"{tensor.dtype} {list(tensor.shape)}, {grad}"
