"""The last layer's width does not suit the labels.

## What is wrong
The model has fewer outputs than there are classes, or a single output under a softmax.

## Why it hurts
With too few outputs the loss cannot look up the label's score: `Target 10 is out of bounds`. One
output under a softmax is 1.0 whatever the model computes: no loss, no gradient, nothing learned.

## How it is found
The width of the class axis is read at each call of the loss, beside the labels seen. An exception
that names a label is matched against both.

## What to do
Give the last layer one output per class; for two classes, two outputs with `cross_entropy` or one
with `binary_cross_entropy_with_logits`.

## When it is a false alarm
Spare outputs (padded vocabularies, classes that are absent from a subset) do no harm and are passed
over. Labels that are counted from 1, negative ids and a lone far-off id (255 in segmentation masks)
are faults of the labels, not of the width. A ranking whose lists hold one candidate now and then
has one score only sometimes.

## Sources
CrossEntropyLoss: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, OpFact
from torchladder.core.findings import Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.rules.model.tails import (
    LOG_SOFTMAXES,
    SOFTMAXES,
    first_by_site,
    lines,
    n_classes,
    plain_name,
    squashing,
)
from torchladder.rules.registry import Plant, limit, rule

CLASSES = frozenset({"cross_entropy", "nll_loss"})
AFTER_SOFTMAX = CLASSES | frozenset({
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "custom",
})


@dataclass(frozen=True, slots=True)
class Limits:
    """When labels count as one contiguous set."""

    dense: float = limit(2.0, unit="labels per distinct label", why="a small batch misses every other class at most")


@rule(
    "TL206",
    rung=2,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL220", "TL221", "TL402"),
    plants=(
        Plant("digits_mlp", "nn.Linear(hidden, 10)", "nn.Linear(hidden, 9)", crashes=True),
        Plant("digits_mlp", "nn.Linear(hidden, 10)", "nn.Linear(hidden, 1)", crashes=True),
        Plant(
            "sequence_rnn",
            "loss = self.loss_fn(self.model(x), y)",
            "p = torch.softmax(self.model(x).unsqueeze(1), dim=1)\n"
            "            loss = nn.functional.binary_cross_entropy(p, y.unsqueeze(1))",
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "nn.Linear(hidden, 10)", "nn.Linear(hidden, 12)"),
        Plant("tiny_lm", "self.head = nn.Linear(dim, len(chars))", "self.head = nn.Linear(dim, 32)"),
    ),
)
def wrong_output_units(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first loss whose class axis is too narrow."""
    for call in first_by_site(facts.loss_calls, AFTER_SOFTMAX):
        single = _single_output(facts, call)
        if single is not None:
            op = single if isinstance(single, OpFact) else None
            yield _finding(
                facts,
                call,
                "a softmax over a single output is 1 whatever the model computes",
                op.place if op else None,
                "give the last layer one output per class, or use a loss for one logit",
            )
            return
    yield from _too_few(facts, limits)


def _single_output(facts: Facts, call: LossCallFact) -> OpFact | bool | None:
    """Return the softmax over one value (True for the loss's own), None when there is none."""
    same = [c for c in facts.loss_calls or () if c.place == call.place and c.phase == call.phase]
    if call.function in CLASSES and all(n_classes(c) == 1 for c in same):
        return True
    op = squashing(call, frozenset({"log", "clamp"}))
    if op is None or plain_name(op) not in SOFTMAXES | LOG_SOFTMAXES:
        return None
    if op.dim is None or not op.dim < len(op.shape) or op.shape[op.dim] != 1:
        return None
    batch = op.shape[0] if op.dim > 0 else None
    return op if batch is None or batch > 1 else None


def _too_few(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a finding when the program ended because a class has no output."""
    error = facts.program.error if facts.program is not None else None
    match = re.search(r"Target (\d+) is out of bounds", error.message) if error else None
    calls = [c for c in facts.loss_calls or () if c.function in CLASSES]
    if match is None or not calls:
        return
    last = calls[-1]
    width = n_classes(last)
    labels = {int(match[1])} | {
        int(label)
        for call in calls
        if call.function == last.function and call.phase == last.phase
        for label in call.label_counts or ()
    }
    if width is None or not _contiguous(labels, width, limits):
        return
    finding = _finding(
        facts,
        last,
        f"the last layer has {width} outputs for labels up to {max(labels)}",
        None,
        f"give the last layer {max(labels) + 1} outputs or more",
    )
    yield finding


def _contiguous(labels: set[int], width: int, limits: Limits) -> bool:
    """Return whether labels run from 0 to beyond the width, with no id that stands alone."""
    beyond = [label for label in labels if label >= width]
    if min(labels) != 0 or not beyond:
        return False
    lone = len(beyond) == 1 and beyond[0] > width
    return not lone and max(labels) + 1 <= limits.dense * len(labels)


def _finding(facts: Facts, call: LossCallFact, message: str, place: Place | None, title: str) -> Finding:
    """Return the finding at the line that made the last layer."""
    last = [p for p in facts.parameters or () if p.output_layer and p.phase == call.phase]
    made = last[0].created if last else None
    labels = len(call.label_counts) if call.label_counts else None
    seen = [Measurement("outputs on the class axis", n_classes(call), expected=labels)]
    return wrong_output_units.finding(
        message,
        where=lines(made, place, call.place),
        module=last[0].module if last else None,
        seen=tuple(seen),
        fixes=(Fix(title, Trust.IDEA),),
        phase=call.phase,
    )
