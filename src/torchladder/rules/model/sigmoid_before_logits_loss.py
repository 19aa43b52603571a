"""A sigmoid is applied before a loss that applies its own.

## What is wrong
`binary_cross_entropy_with_logits` (and `BCEWithLogitsLoss`) takes logits. Given the output of a
sigmoid it squashes twice; `cross_entropy` after a sigmoid suffers alike.

## Why it hurts
Values between 0 and 1 become probabilities between 0.50 and 0.73: a negative sample can never cost
less than ln 2, a positive one never less than 0.31. The loss stalls close to chance.

## How it is found
The operations between the loss and the last layer with weights are read from the autograd graph. A
sigmoid with nothing but reshapes between it and the loss is the fault.

## What to do
Return the logits; apply the sigmoid where probabilities are shown, and compare logits with 0.

## When it is a false alarm
`binary_cross_entropy` after a sigmoid is right. So are gates (a product follows), scaled or shifted
sigmoids that bound the logits on purpose (an operation follows), auxiliary terms that do not enter
the backward pass, and a focal loss that uses the sigmoid beside the logits.

## Sources
BCEWithLogitsLoss: https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
"""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts, LossCallFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.model.tails import (
    SIGMOIDS,
    first_by_site,
    lines,
    plain_name,
    skip,
    squashing,
)
from torchladder.rules.registry import NoLimits, Plant, rule

LOSSES = frozenset({
    "binary_cross_entropy_with_logits",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "cross_entropy",
})


@rule(
    "TL202",
    rung=3,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    explains=("TL209", "TL220", "TL402"),
    plants=(
        Plant(
            "sequence_rnn",
            "return self.out(last).squeeze(-1)",
            "return torch.sigmoid(self.out(last)).squeeze(-1)",
        ),
        Plant(
            "sequence_rnn",
            "loss = self.loss_fn(self.model(x), y)",
            "loss = self.loss_fn(self.model(x).sigmoid(), y)",
        ),
    ),
    near_misses=(
        Plant(
            "sequence_rnn",
            "loss = self.loss_fn(self.model(x), y)",
            "loss = nn.functional.binary_cross_entropy(torch.sigmoid(self.model(x)), y)",
        ),
        Plant(
            "sequence_rnn",
            "last = self.drop(states[:, -1])",
            "last = self.drop(states[:, -1]) * torch.sigmoid(states.mean(dim=1))",
        ),
    ),
)
def sigmoid_before_logits_loss(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for the first loss with its own squashing that is given a sigmoid."""
    for call in first_by_site(facts.loss_calls, LOSSES):
        op = squashing(call)
        if op is None or plain_name(op) not in SIGMOIDS:
            continue
        yield sigmoid_before_logits_loss.finding(
            f"`{call.function}` is given the output of a sigmoid, not logits",
            where=lines(op.created, op.place, call.place),
            module=op.module,
            seen=_seen(call),
            remark=f"reaches `{call.function}`" + (f" at {call.place}" if call.place else ""),
            fixes=(Fix("return the logits, without this sigmoid", Trust.EXACT, skip(op)),),
            phase=call.phase,
        )
        return


def _seen(call: LossCallFact) -> tuple[Measurement, ...]:
    """Return the range of the loss's input and the loss it cannot go below."""
    seen = []
    if call.input is not None and call.input.min is not None and call.input.max is not None:
        span = [round(call.input.min, 3), round(call.input.max, 3)]
        seen.append(Measurement("range of the loss's input", span, expected="any real number"))
    if call.function == "binary_cross_entropy_with_logits" and not call.options.get("pos_weight"):
        share = call.target.mean if call.target is not None else None
        if share is not None and 0 <= share <= 1:
            floor = share * math.log1p(math.exp(-1)) + (1 - share) * math.log(2)
            what = "smallest loss that values in [0, 1] can reach"
            seen.append(Measurement(what, round(floor, 3), unit="nats", expected=0))
    return tuple(seen)
