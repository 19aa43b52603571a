"""A softmax runs over the batch instead of the classes.

## What is wrong
A (log-)softmax before the loss runs along axis 0 of a tensor whose axis 0 is the batch and whose
last axis holds the classes.

## Why it hurts
Each class's scores are normalised over the samples of the batch, so what a sample is given depends
on its neighbours, and a sample's own probabilities do not sum to 1. With one sample they are all 1.

## How it is found
The last softmax before the loss is read from the autograd graph with its axis and shape; the axis
is 0 although the tensor has a class axis of its own.

## What to do
`dim=1`, or `dim=-1`. `nn.Softmax()` without `dim` picks axis 0 for 1-D and 3-D tensors.

## When it is a false alarm
Attention and pooling over instances (more operations follow), square similarity matrices whose two
directions are both meant (contrastive losses), a (classes, samples) layout that is transposed
before the loss, optimal transport (Sinkhorn), a single unbatched vector of logits, and one-column
tensors.

## Sources
softmax and its implicit dim: https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts, LossCallFact, OpFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.model.tails import (
    LOG_SOFTMAXES,
    SOFTMAXES,
    first_by_site,
    lines,
    moves_axes,
    plain_name,
    squashing,
)
from torchladder.rules.registry import NoLimits, Plant, rule

LOSSES = frozenset({
    "nll_loss",
    "cross_entropy",
    "binary_cross_entropy",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "kl_div",
    "gaussian_nll_loss",
    "custom",
})
PLAIN = 2  # dimensions of one answer a sample
PASSED_OVER = frozenset({"log", "clamp", "clampmin", "clampmax", "gather", "indexselect"})


@rule(
    "TL204",
    rung=3,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    explains=("TL216", "TL220", "TL402"),
    plants=(
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = nn.functional.nll_loss(torch.log_softmax(model(xb), dim=0), yb)",
        ),
        Plant(
            "finetune",
            "loss = F.cross_entropy(net(xb), yb)",
            "loss = F.nll_loss(F.softmax(net(xb), dim=0).log(), yb)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = nn.functional.nll_loss(torch.log_softmax(model(xb).t(), dim=0).t(), yb)",
        ),
        Plant(
            "finetune",
            "loss = F.cross_entropy(net(xb), yb)",
            "loss = F.nll_loss(F.log_softmax(net(xb), dim=-1), yb)",
        ),
    ),
)
def softmax_wrong_dim(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for the first loss that is given a softmax over the batch."""
    for call in first_by_site(facts.loss_calls, LOSSES):
        op = squashing(call, PASSED_OVER)
        if op is None or plain_name(op) not in SOFTMAXES | LOG_SOFTMAXES:
            continue
        right = _class_axis(call, op)
        if right is None:
            continue
        change = None
        if op.place is not None:
            site = {"path": op.place.path, "line": op.place.line, "function": op.function, "module": op.module}
            change = Change("softmax_dim", {**site, "dim": right})
        yield softmax_wrong_dim.finding(
            f"the softmax before the loss runs over the {op.shape[0]} samples of the batch"
            if op.dim == 0
            else f"the softmax before the loss runs over axis {op.dim}, and the classes are on axis {right}",
            where=lines(op.created, op.place, call.place),
            module=op.module,
            seen=_seen(call, op, right),
            remark=f"axis {op.dim} of a tensor of shape {list(op.shape)}",
            fixes=(Fix(f"let it run along the class axis: dim={right}", Trust.EXACT, change),),
            phase=call.phase,
        )
        return


def _class_axis(call: LossCallFact, op: OpFact) -> int | None:
    """Return the axis that holds the classes where the softmax runs along another one, None where it does not."""
    dims = len(op.shape)
    dense = call.function == "nll_loss" and dims > PLAIN and call.input is not None and call.input.shape == op.shape
    if dense and op.dim is not None and op.dim % dims != 1:
        return None if moves_axes(call, op) else 1  # as torch has it: samples, classes, places
    return dims - 1 if _over_batch(call, op) else None


def _over_batch(call: LossCallFact, op: OpFact) -> bool:
    """Return whether axis 0 is the batch and another axis holds the classes."""
    if op.dim != 0 or len(op.shape) <= 1 or min(op.shape[0], op.shape[-1]) <= 1:
        return False
    if moves_axes(call, op):
        return False
    square = len(op.shape) == len("NK") and op.shape[0] == op.shape[1]
    return not (square and call.function in {"custom", "kl_div"})


def _seen(call: LossCallFact, op: OpFact, right: int) -> tuple[Measurement, ...]:
    """Return the axis, and the row sums where they are those of the softmax itself."""
    seen = [Measurement("axis of the softmax", op.dim, expected=right)]
    same = call.input if call.input is not None and call.input.shape == op.shape else None
    spread = same.row_sum_spread if same is not None else None
    if plain_name(op) in SOFTMAXES and spread is not None:
        what = "largest deviation of a row's sum from their mean"
        seen.append(Measurement(what, round(spread, 4), expected=0))
    return tuple(seen)
