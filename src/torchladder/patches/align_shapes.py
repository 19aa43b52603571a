"""Prediction and target get one shape where they meet: in the call of the loss, or in their difference."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import loss_call, pair
from torchladder.patches.source import Source, only

SIMPLE = (cst.Name, cst.Attribute)


def edit(case: Case) -> Edited | None:
    """Return the file with one of the two reshaped."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    call = loss_call(source, line)
    subtractions = [b for b in source.at(cst.BinaryOperation, line) if isinstance(b.operator, cst.Subtract)]
    if call is not None:
        both = pair(call)
        ends = (both[0].value, both[1].value) if both else None
    else:
        difference = only(subtractions)
        ends = (difference.left, difference.right) if difference else None
    if ends is None:
        return None
    left, right = ends
    text = _aligned(source, left, right, column=_is_column(case), subtracted=call is None)
    return (source, text) if text else None


def _is_column(case: Case) -> bool:
    """Tell whether the prediction is a column (B, 1) beside targets (B,)."""
    for one in case.finding.seen:
        if isinstance(one.expected, list | tuple) and isinstance(one.value, list | tuple):
            return len(one.expected) == 1 and len(one.value) == len(one.expected) + 1
    return False


def _aligned(
    source: Source, left: cst.BaseExpression, right: cst.BaseExpression, *, column: bool, subtracted: bool
) -> str | None:
    """Return the text with one operand in the shape of the other, which must be short enough to be named twice."""
    plain = [isinstance(node, SIMPLE) for node in (left, right)]
    if not subtracted and column and isinstance(left, cst.Call):
        return source.replaced({left: source.expression(f"{source.atom(left)}.squeeze(-1)")})
    if plain[0]:
        return source.replaced({right: source.expression(f"{source.atom(right)}.view_as({source.code(left)})")})
    if plain[1]:
        return source.replaced({left: source.expression(f"{source.atom(left)}.view_as({source.code(right)})")})
    return None
