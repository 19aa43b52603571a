"""The labels' type or shape is not what the loss takes, or was spoiled by a conversion to integers.

## What is wrong
One-hot rows or floats where class indices are meant, an extra axis of length 1, integers where a
binary loss wants floats, or fractional targets cut to whole numbers on the way to the loss.

## Why it hurts
Most losses refuse such labels and end the program. Truncation is silent: every rate between 0 and
1 becomes 0, the loss falls to nearly nothing, and the model has learnt to answer 0.

## How it is found
The exception's message together with the types and shapes of the loss call that raised it; for
truncation, each conversion of a fractional float tensor to integers whose result reaches a target.

## What to do
Give the loss what it takes: `.long()` for class indices, `.float()` for binary or regression
targets, `.squeeze(1)` or `.argmax(1)` for a spare axis; keep regression targets float throughout.

## When it is a false alarm
Soft targets (rows of probabilities), float values binned into class ids on purpose for an indexed
loss, counts and prices far larger than the fraction they lose, swapped arguments
(loss-argument-order), outputs of another width than the labels (wrong-output-units).

## Sources
https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html (shape section).
https://github.com/deepset-ai/FARM/issues/395 (regression labels converted to integers).
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import CastFact, Facts, LossCallFact, TensorFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

INDEXED = {"cross_entropy", "nll_loss", "multi_margin_loss"}
BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
DTYPE = re.compile(
    r"expected target dtype to be Long"
    r"|expected scalar type \w+ but (found|got)"
    r"|Found dtype \w+ but expected \w+"
    r"|Expected object of scalar type"
    r"|result type \w+ can't be cast"
    r"|not implemented for '(Int|Long|Short|Bool|Byte|Char)'"
)
ONE_HOT = re.compile(r"[Ee]xpected floating point type for target with class probabilities")
EXTRA_AXIS = re.compile(r"multi-target not supported|only batches of spatial targets supported")
SIZES = re.compile(
    r"Target size .* must be the same as input size|Using a target size .* different to the input"
    r"|Expected target size"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When cutting the fraction off a target matters."""

    spread: float = limit(3.0, unit="target units", why="beyond it truncation hides less than 1 % of the variance")


@rule(
    "TL106",
    rung=2,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL107", "TL220", "TL221"),
    plants=(
        Plant("regression", "x_train[order], y_train[order]", "x_train[order], y_train[order].long()"),
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.cross_entropy(logits, yb.float())", crashes=True),
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.cross_entropy(logits, F.one_hot(yb, 10))", crashes=True),
        Plant("tabular", "criterion(logits, yb)", "criterion(logits, yb.long())", crashes=True),
    ),
    near_misses=(
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.cross_entropy(logits, F.one_hot(yb, 10).float())"),
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.cross_entropy(logits, (yb + 0.5).long())"),
        Plant("tabular", "criterion(logits, yb)", "criterion(logits, yb.double())"),
    ),
)
def label_dtype_or_shape(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for the call that refused its labels, and for labels cut to integers."""
    refused = _refused(facts)
    if refused is not None:
        yield refused
    for cast in facts.casts or ():
        if cast.reaches_target and _matters(cast, facts, limits):
            yield _truncated(cast)
            return


def _refused(facts: Facts) -> Finding | None:
    """Return a finding when the program ended in a loss call that names its target's form."""
    error = facts.program.error if facts.program else None
    calls = facts.loss_calls or ()
    if error is None or not calls:
        return None
    call = calls[-1]
    target, given = call.target, call.input
    if target is None or given is None or target.requires_grad:
        return None
    # A loss that returned is only to blame for a type clash in the backward pass that followed.
    if call.value is not None and not ("Found dtype" in error.message and _floats_differ(call)):
        return None
    by = _contract(call, given, target, error.message)
    if by is None:
        return None
    wanted, help_, change = by
    return label_dtype_or_shape.finding(
        f"`{call.function}` refuses labels of {_form(target)}",
        where=(call.place,) if call.place else (),
        seen=(
            Measurement("labels", _form(target), expected=wanted),
            Measurement("outputs", _form(given)),
            Measurement("exception", f"{error.type}: {error.message.strip().splitlines()[0]}"),
        ),
        remark=f"takes {wanted}",
        fixes=(Fix(help_, Trust.LIKELY, change),),
        phase=call.phase,
    )


def _contract(
    call: LossCallFact, given: TensorFact, target: TensorFact, message: str
) -> tuple[str, str, Change | None] | None:
    """Return (what the loss takes, help, change), or None when the labels are not to blame."""
    indexed = call.function in INDEXED
    same = math.prod(target.shape) == math.prod(given.shape)
    if ONE_HOT.search(message) or (EXTRA_AXIS.search(message) and same and target.shape[-1:] != (1,)):
        return (
            "class indices, or float probabilities",
            "pass class indices: labels.argmax(1)",
            (_replace(call, "cross_entropy_indices") if call.function == "cross_entropy" else None),
        )
    if EXTRA_AXIS.search(message) and target.integral and 1 in target.shape[1:]:
        return "class indices without a spare axis", "drop the labels' axis of length 1", None
    if SIZES.search(message):
        if indexed:
            return "classes on axis 1 of the outputs", "move the outputs' class axis to axis 1", None
        if same and call.place is not None:
            change = Change("align_shapes", {"path": call.place.path, "line": call.place.line})
            return f"labels of shape {list(given.shape)}", "give both the same shape", change
        return None
    if DTYPE.search(message):
        if indexed:
            # Fractional values are no class ids: another loss is meant.
            clash = target.dtype != "int64" and target.integral
            return ("int64 class indices", "convert the labels with .long()", None) if clash else None
        if target.dtype == given.dtype:
            return None
        return f"{given.dtype} labels", f"convert the labels to {given.dtype}", None
    return None


def _floats_differ(call: LossCallFact) -> bool:
    return bool(call.target and call.input and call.target.dtype != call.input.dtype)


def _replace(call: LossCallFact, by: str) -> Change | None:
    if call.place is None:
        return None
    args = {"path": call.place.path, "line": call.place.line, "function": call.function, "by": by}
    return Change("replace_loss", args)


def _form(tensor: TensorFact) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"


def _matters(cast: CastFact, facts: Facts, limits: Limits) -> bool:
    """Tell whether the fractions that were lost were what the loss is about."""
    if cast.before.integral or not cast.after.integral or cast.before.std is None:
        return False
    targets = [c for c in facts.loss_calls or () if c.differentiated and c.target]
    indexed = bool(targets) and all(c.function in INDEXED or c.accuracy is not None for c in targets)
    collapsed = cast.after.min == cast.after.max and cast.before.min != cast.before.max
    if indexed or collapsed:  # binning into class ids is normal; a single class left over is not
        return collapsed
    if targets and all(c.function in BINARY for c in targets):
        # A probability cut to 0 is lost; a draw from [0, 2) cut to 0 or 1 is a label.
        return (cast.before.max or 0) <= 1
    return cast.before.std < limits.spread


def _truncated(cast: CastFact) -> Finding:
    """Return the finding for targets whose fractions were cut off."""
    place = cast.place
    change = Change("no_cast", {"path": place.path, "line": place.line}) if place else None
    return label_dtype_or_shape.finding(
        f"`{cast.call}` cuts fractional labels to whole numbers",
        where=(place,) if place else (),
        seen=(
            Measurement("labels before", [cast.before.min, cast.before.max]),
            Measurement("labels after", [cast.after.min, cast.after.max], expected="unchanged"),
            Measurement("distinct labels after", cast.after.n_unique, expected=cast.before.n_unique),
        ),
        remark="the fractions are lost here",
        fixes=(Fix("keep the targets float", Trust.LIKELY, change),),
    )
