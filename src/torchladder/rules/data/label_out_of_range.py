"""Labels lie outside the range that the loss accepts.

## What is wrong
Class ids start at 1 instead of 0, mark a void with 255 or -1 that the loss does not know of, or
binary targets are -1/+1, 1/2 or 0/255 where probabilities are meant.

## Why it hurts
A class id beyond the outputs ends the program. A binary target beyond [0, 1] does not: the loss
then has no lower bound and falls for ever while the model learns to answer one class.

## How it is found
The labels' range and counts at the loss call, against its outputs and `ignore_index`; for binary
cross-entropies, the targets' range against [0, 1]. An IndexError's message names the label.
Of data sets that no program has read: classes that run from 0 without a gap, and one label far outside them.

## What to do
Subtract the offset where labels are read, or pass `ignore_index` for a void label.

## When it is a false alarm
`ignore_index`; padding marked -1 whose loss is masked afterwards (`reduction="none"` or a weight);
one class more than outputs, which is the model's fault (wrong-output-units); spare outputs that no
label uses; arguments in the wrong order (loss-argument-order).

## Sources
https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html (targets in [0, 1]).
https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html (indices in [0, C)).
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, TensorFact
from torchladder.core.findings import (
    Change,
    Finding,
    Fix,
    Measurement,
    Severity,
    Standing,
    Trust,
)
from torchladder.core.set_facts import SetFact
from torchladder.rules.registry import Plant, limit, rule

INDEXED = {"cross_entropy", "nll_loss", "multi_margin_loss"}
BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
CRASH = re.compile(r"Target (-?\d+) is out of bounds|all elements of target should be between")


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure one is that a label is missing."""

    slack: float = limit(1e-3, unit="probability", why="rounding of smoothed or interpolated targets")
    rows_per_class: float = limit(
        5.0, unit="rows", why="a class as frequent as the others is then absent once in 150 times"
    )
    void: float = limit(2.0, unit="times the outputs", why="void marks such as 255 lie far beyond the classes")
    classes: float = limit(3, unit="classes", why="-1 beside 0 and 1 may be a third class")
    stray: float = limit(0.05, unit="share of the labels", why="a mark of a void is rarer than a class")


@rule(
    "TL105",
    rung=2,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    instead=("sets",),
    limits=Limits,
    explains=("TL206", "TL212", "TL303", "TL401"),
    plants=(
        Plant("tabular", "torch.tensor(left, dtype=torch.float32)", "torch.tensor(left * 2.0 - 1.0).float()"),
        Plant("tabular", "torch.tensor(left, dtype=torch.float32)", "torch.tensor(left + 1.0).float()"),
        Plant("digits_cnn", "torch.tensor(digits.target)", "torch.tensor(digits.target) + 1", crashes=True),
    ),
    near_misses=(
        Plant("tabular", "torch.tensor(left, dtype=torch.float32)", "torch.tensor(0.1 + 0.8 * left).float()"),
        Plant(
            "digits_cnn",
            "F.cross_entropy(logits, yb)",
            "F.cross_entropy(logits, yb.masked_fill(yb == 8, 255), ignore_index=255)",
        ),
        Plant("digits_cnn", "nn.Linear(64, 10)", "nn.Linear(64, 12)"),
    ),
)
def label_out_of_range(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first loss call whose labels it cannot take, or for each set with a stray label."""
    for side in facts.sets or ():
        yield from _of_set(side, limits)
    seen = set()
    for call in facts.loss_calls or ():
        target = call.target
        if target is None or target.requires_grad or call.place in seen:
            continue
        if call.function in BINARY:
            found = _binary(call, target, limits)
        elif call.function in INDEXED:
            found = _indexed(facts, call, limits)
        else:
            found = None
        if found is not None:
            seen.add(call.place)
            yield found


def _of_set(side: SetFact, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for one label outside of classes without a gap, a remark when they begin at 1."""
    labels = side.labels
    if labels is None or not labels.classes or not labels.numbers:
        return
    counts = {int(k): n for k, n in labels.counts.items()}
    inside = [k for k in counts if 0 <= k < len(counts)]
    stray = [k for k in counts if k not in inside]
    gapless = sorted(inside) == list(range(len(inside))) and len(inside) >= limits.classes
    rare = sum(counts[k] for k in stray) <= limits.stray * labels.n
    far = all(k < 0 or k >= limits.void * len(inside) for k in stray)
    if gapless and rare and far and 0 < len(stray) <= max(1.0, limits.stray * len(inside)):
        label = stray[0]
        yield label_out_of_range.finding(
            f"label {label} lies outside of the classes 0 to {len(inside) - 1} of {side.name}",
            severity=Severity.WARNING,
            rung=1,
            seen=(
                Measurement("smallest and largest label", [min(counts), max(counts)], expected=[0, len(inside) - 1]),
                Measurement(f"samples with label {label}", counts[label], f"of {labels.n:,}", expected=0),
                Measurement("one of them", labels.rare.get(str(label), "not kept")),
            ),
            fixes=(Fix(f"repair or drop these labels, or pass ignore_index={label} to the loss", Trust.IDEA),),
        )
    elif min(counts) == 1 and sorted(counts) == list(range(1, len(counts) + 1)) and len(counts) >= limits.classes:
        yield label_out_of_range.finding(
            f"classes of {side.name} are numbered from 1 to {len(counts)}",
            severity=Severity.NOTE,
            rung=1,
            seen=(Measurement("smallest and largest label", [1, len(counts)], expected=[0, len(counts) - 1]),),
            fixes=(Fix("subtract 1 where labels are read: `cross_entropy` counts classes from 0", Trust.IDEA),),
        )


def _binary(call: LossCallFact, target: TensorFact, limits: Limits) -> Finding | None:
    """Return a finding when a binary cross-entropy's targets leave [0, 1]."""
    low, high = target.min, target.max
    if low is None or high is None or target.n_nan:
        return None
    masked = call.options.get("reduction") == "none" or call.options.get("weight")
    if (low >= -limits.slack and high <= 1 + limits.slack) or masked:
        return None
    offset = -low if target.integral and high - low == 1 else None
    return _finding(
        call,
        f"`{call.function}` is given targets from {low:g} to {high:g}",
        (
            Measurement("smallest and largest target", [low, high], expected=[0, 1]),
            Measurement("loss", call.value, expected="never below 0"),
        ),
        "targets are not probabilities",
        offset,
        "map the targets to 0 and 1 where they are read",
    )


def _indexed(facts: Facts, call: LossCallFact, limits: Limits) -> Finding | None:
    """Return a finding when the label that ended the program is 1-based, negative or a void mark."""
    error = facts.program.error if facts.program else None
    match = CRASH.search(error.message) if error else None
    if match is None or match.group(1) is None or call.value is not None or not call.n_outputs:
        return None
    label, outputs = int(match.group(1)), call.n_outputs
    counts = _counts(facts, call)
    low, high = min(counts, default=label), max(counts, default=label)
    rows, beyond = sum(counts.values()), [k for k in counts if k >= outputs]
    offset, standing = None, Standing.PROVEN
    if low < 0:
        offset = -low if high - low + 1 == outputs else None
        help_ = "map negative labels to class ids, or pass them as ignore_index"
    elif low == 1 and high == outputs:
        offset = -1
        standing = Standing.PROVEN if rows >= limits.rows_per_class * outputs else Standing.SUSPECTED
        help_ = "start the class ids at 0 where they are read"
    elif len(beyond) == 1 and label >= limits.void * outputs:
        help_ = f"pass ignore_index={label} to the loss, or drop that label"
    else:
        return None
    return _finding(
        call,
        f"label {label} is given to `{call.function}` with {outputs} outputs",
        (
            Measurement("smallest and largest label", [low, high], expected=[0, outputs - 1]),
            Measurement("labels seen", rows, "rows"),
        ),
        f"label {label} has no output",
        offset,
        help_,
        standing,
    )


def _finding(
    call: LossCallFact,
    message: str,
    seen: tuple[Measurement, ...],
    remark: str,
    offset: float | None,
    help_: str,
    standing: Standing = Standing.PROVEN,
) -> Finding:
    change, trust = None, Trust.IDEA
    if offset is not None and call.place:
        args = {"path": call.place.path, "line": call.place.line, "offset": int(offset)}
        change, trust = Change("offset_labels", args), Trust.LIKELY
        help_ = f"{'subtract' if offset < 0 else 'add'} {abs(int(offset))} where labels are read"
    return label_out_of_range.finding(
        message,
        where=(call.place,) if call.place else (),
        seen=seen,
        remark=remark,
        fixes=(Fix(help_, trust, change),),
        standing=standing,
        phase=call.phase,
    )


def _counts(facts: Facts, call: LossCallFact) -> Counter[int]:
    """Return how often each label was seen at this call's line, without the ignored one."""
    counts: Counter[int] = Counter()
    for other in facts.loss_calls or ():
        if (other.place, other.phase) == (call.place, call.phase):
            counts.update({int(k): n for k, n in (other.label_counts or {}).items()})
    counts.pop(call.options.get("ignore_index", -100), None)
    return counts
