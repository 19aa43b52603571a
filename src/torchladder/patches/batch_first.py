"""A reshape is given its operand with the batch on axis 0."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import only

SAME_SIZES = {"view", "reshape"}


def edit(case: Case) -> Edited | None:
    """Return the file with a transpose before the ``view`` or ``reshape`` of the line, its sizes unchanged."""
    site, axis, function = case.site(), case.args.get("axis"), case.args.get("function")
    if site is None or not isinstance(axis, int) or axis <= 0 or function not in SAME_SIZES:
        return None
    source, line = site
    call = only([
        c
        for c in source.at(cst.Call, line)
        if isinstance(c.func, cst.Attribute) and c.func.attr.value == function and not source.imported(c.func)
    ])
    if call is None or not isinstance(call.func, cst.Attribute):
        return None
    # A transposed tensor is not contiguous, which `view` asks for.
    func = call.func.with_changes(
        value=source.expression(f"{source.atom(call.func.value)}.transpose(0, {axis})"), attr=cst.Name("reshape")
    )
    text = source.replaced({call: call.with_changes(func=func)})
    return (source, text) if text else None
