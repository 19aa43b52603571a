"""Probabilities enter a loss that applies its own softmax or sigmoid.

## What is wrong
`cross_entropy` (and `CrossEntropyLoss`) takes logits and applies log-softmax itself. Given the
output of a softmax, it normalises twice.

## Why it hurts
Probabilities lie between 0 and 1, so the second softmax can never be sure: with K classes the loss
cannot go below ln(e + K - 1) - 1, which is 1.46 for ten classes. Gradients shrink by the product of
two softmax derivatives, and learning crawls.

## How it is found
The operations between the loss and the last layer with weights are read from the autograd graph. A
softmax along the class axis with nothing but reshapes between it and the loss is the fault; the
values of the loss's input (between 0 and 1, rows that sum to 1) confirm it.

## What to do
Return the logits, and apply softmax only where probabilities are shown.

## When it is a false alarm
`NLLLoss` after log-softmax, the softmax of attention, gates and mixtures (more operations follow
before the loss), temperatures and scaled similarities (a product follows), distillation against
soft targets and softmax under a logarithm are all right, and are passed over. Log-softmax before
`cross_entropy` changes nothing (log-softmax of log-softmax is itself): that is a note only.

## Sources
CrossEntropyLoss: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
A softmax too many in the wild: https://github.com/bkitano/llama-from-scratch/issues/5
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, OpFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.model.tails import (
    LOG_SOFTMAXES,
    SOFTMAXES,
    first_by_site,
    lines,
    n_classes,
    plain_name,
    skip,
    squashing,
)
from torchladder.rules.registry import Plant, limit, rule

LOSSES = frozenset({"cross_entropy", "binary_cross_entropy_with_logits", "multi_margin_loss"})


@dataclass(frozen=True, slots=True)
class Limits:
    """When values are probabilities."""

    slack: float = limit(1e-3, unit="probability", why="half precision rounds a sum of rows so far")


@rule(
    "TL201",
    rung=3,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL209", "TL220", "TL402"),
    plants=(
        Plant("digits_cnn", "return self.fc2(x)", "return F.softmax(self.fc2(x), dim=1)"),
        Plant("digits_mlp", "return self.head(x)", "return torch.softmax(self.head(x), dim=1)"),
        Plant(
            "tiny_lm",
            "return self.head(self.norm(x))",
            "return F.softmax(self.head(self.norm(x)), dim=-1)",
        ),
        Plant(
            "finetune",
            "return self.head(self.features(x))",
            "return self.head(self.features(x)).softmax(dim=1)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = nn.functional.nll_loss(torch.log_softmax(model(xb), dim=1), yb)",
        ),
        Plant(
            "digits_mlp",
            "x = self.drop(x)",
            "x = self.drop(x) * (1 + torch.softmax(x, dim=1))",
        ),
        Plant(
            "finetune",
            "loss = F.cross_entropy(net(xb), yb)",
            "loss = -F.softmax(net(xb), dim=1)[torch.arange(len(yb)), yb].log().mean()",
        ),
    ),
)
def double_softmax(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first loss with its own softmax that is given probabilities."""
    for call in first_by_site(facts.loss_calls, LOSSES):
        op = squashing(call)
        if op is None:
            continue
        if plain_name(op) in SOFTMAXES and _along_classes(call, op) and _in_range(call, limits):
            yield _finding(call, op)
            return
        if plain_name(op) in LOG_SOFTMAXES and call.function == "cross_entropy":
            yield double_softmax.finding(
                "`cross_entropy` is given log-probabilities; its own log-softmax changes nothing",
                severity=Severity.NOTE,
                where=lines(op.created, op.place, call.place),
                module=op.module,
                phase=call.phase,
            )
            return


def _finding(call: LossCallFact, op: OpFact) -> Finding:
    """Return the finding, with the loss that probabilities cannot go below."""
    seen = []
    if call.input is not None and call.input.row_sum is not None:
        seen.append(Measurement("mean row sum of the loss's input", round(call.input.row_sum, 3)))
    n = n_classes(call)
    if call.function == "cross_entropy" and n is not None and n > 1:
        floor = round(math.log(math.e + n - 1) - 1, 3)
        what = f"smallest loss that {n} probabilities can reach"
        seen.append(Measurement(what, floor, unit="nats", expected=0))
    return double_softmax.finding(
        f"`{call.function}` is given probabilities, not logits",
        where=lines(op.created, op.place, call.place),
        module=op.module,
        seen=tuple(seen),
        remark=f"reaches `{call.function}`" + (f" at {call.place}" if call.place else ""),
        fixes=(Fix("return the logits, without this softmax", Trust.EXACT, skip(op)),),
        phase=call.phase,
    )


def _along_classes(call: LossCallFact, op: OpFact) -> bool:
    """Return whether the softmax runs along the axis that holds the classes."""
    if op.dim is None or not op.shape:
        return True
    if call.input is not None and op.shape == call.input.shape:
        return op.dim == min(1, len(op.shape) - 1) or call.function != "cross_entropy"
    return op.dim > 0 or len(op.shape) == 1


def _in_range(call: LossCallFact, limits: Limits) -> bool:
    """Return whether the loss's input was seen within [0, 1], or not measured."""
    tensor = call.input
    if tensor is None or tensor.min is None or tensor.max is None:
        return True
    return -limits.slack <= tensor.min and tensor.max <= 1 + limits.slack
