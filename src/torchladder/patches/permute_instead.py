"""A reshape that renamed the axes of a tensor becomes the permute that moves them."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only

RESHAPES = {"view", "reshape"}


def edit(case: Case) -> Edited | None:
    """Return the file with ``permute`` for the ``view`` or ``reshape`` of the line."""
    site, axes, function = case.site(), case.args.get("axes"), case.args.get("function")
    if site is None or function not in RESHAPES or not isinstance(axes, list | tuple):
        return None
    source, line = site
    found = [(c, o) for c in source.at(cst.Call, line) if (o := _operand(source, c, str(function))) is not None]
    one = only(found)
    if one is None:
        return None
    call, operand = one
    turn = f"permute({', '.join(str(int(a)) for a in axes)})"
    if "dims" in case.args:
        text = _split(source, call, operand, turn, list(axes), function)
        new = source.replaced({call: source.expression(text)}) if text else None
        return (source, new) if new else None
    text = f"{source.atom(operand)}.{turn}"
    # A view of what was permuted needs it in one piece.
    around = source.function(call) or source.module
    viewed = any(isinstance(c.func, cst.Attribute) and c.func.attr.value == "view" and c is not call
                 for c in source.every(cst.Call, inside=around))  # fmt: skip
    new = source.replaced({call: source.expression(f"{text}.contiguous()" if viewed else text)})
    return (source, new) if new else None


def _split(
    source: Source, call: cst.Call, operand: cst.BaseExpression, turn: str, axes: list[int], function: str
) -> str | None:
    """Return the call with axes that are moved: before they are joined, or after one is split."""
    sizes = [a for a in call.args if a.value is not operand]
    if any(a.keyword is not None or a.star for a in sizes):
        return None
    words = [source.code(a.value) for a in sizes]
    if len(words) == len(axes):  # an axis is split: the sizes in the order in which they lie, then the axes are moved
        lying = sorted(range(len(axes)), key=list(axes).__getitem__)
        return f"{source.atom(operand)}.{function}({', '.join(words[i] for i in lying)}).{turn}"
    if len(words) == len(axes) - 1:
        return f"{source.atom(operand)}.{turn}.reshape({', '.join(words)})"
    return None


def _operand(source: Source, call: cst.Call, function: str) -> cst.BaseExpression | None:
    """Return what a call reshapes."""
    if source.torch_name(call.func) == function:
        return call.args[0].value if call.args and call.args[0].keyword is None else None
    func = call.func
    named = isinstance(func, cst.Attribute) and func.attr.value == function and not source.imported(func)
    return func.value if named and isinstance(func, cst.Attribute) else None
