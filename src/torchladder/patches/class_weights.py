"""Class weights that are counts over a sum or mean of them are turned over."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import creation, loss_call
from torchladder.patches.source import Source, argument, only

SCALARS = {"sum", "mean", "max", "amax", "min"}


def edit(case: Case) -> Edited | None:
    """Return the file whose weights fall with the counts."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    call = loss_call(source, line)
    if call is None:
        return None
    made = call.func if isinstance(call.func, cst.Call) else creation(source, call.func)
    given = argument(call, 2, "weight") or (argument(made, 0, "weight") if isinstance(made, cst.Call) else None)
    weights = _written(source, given.value) if given is not None else None
    division = _over_scalar(source, weights) if weights is not None else None
    if division is None:
        return None
    below = source.expression(source.atom(division.left))
    text = source.replaced({division: division.with_changes(left=division.right, right=below)})
    return (source, text) if text else None


def _written(source: Source, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression behind a name that is assigned once; moved to a device, it is the same."""
    while (
        isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in {"to", "float"}
    ):
        node = node.func.value
    if not isinstance(node, cst.Name | cst.Attribute):
        return node
    assigned = only(source.assigned(source.code(node)))
    return assigned.value if assigned is not None else None


def _over_scalar(source: Source, weights: cst.BaseExpression) -> cst.BinaryOperation | None:
    """Return the division of an expression, if it divides counts by one number made of them and does no more."""
    operations = list(source.every(cst.BinaryOperation, inside=weights))
    found = operations[0] if operations else None
    if found is None or not isinstance(found.operator, cst.Divide) or found.lpar:
        return None
    parts = [found.left]
    if isinstance(found.left, cst.BinaryOperation) and isinstance(found.left.operator, cst.Multiply):
        parts = [found.left.left, found.left.right]
    plain = all(isinstance(p, cst.Name | cst.Attribute | cst.Integer | cst.Float) for p in parts)
    if not plain or len(operations) != len(parts) or not isinstance(found.right, cst.Call):
        return None
    return found if any(_is_number_of(source, found.right, source.code(p)) for p in parts) else None


def _is_number_of(source: Source, call: cst.Call, counts: str) -> bool:
    """Tell whether a call makes one number of the counts."""
    func = call.func
    if isinstance(func, cst.Attribute):
        return func.attr.value in SCALARS and not call.args and source.code(func.value) == counts
    return source.code(call) in {f"{name}({counts})" for name in ("sum", "max", "min", "len")}
