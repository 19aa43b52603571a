"""The operand of a logarithm or root, or a divisor with a name, is kept away from zero."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, argument, number, only

EPS = 1e-6
ROOTS = {"log", "log2", "log10", "sqrt"}
DIVISIONS = {"div", "truediv", "true_divide", "divide"}
REDUCTIONS = {"sum", "norm", "std", "mean", "var", "max", "amax"}


def edit(case: Case) -> Edited | None:
    """Return the file with the operands clamped."""
    site = case.site()
    name = str(case.args.get("function") or "").strip("_")
    if site is None:
        return None
    source, line = site
    eps = number(float(case.args.get("eps") or EPS))
    if name in DIVISIONS:
        text = _divisor(case, source, line, eps)
    elif name in ROOTS:
        operands = [o for c in source.at(cst.Call, line) if (o := _operand(source, c, name)) is not None]
        text = _clamped(source, operands, eps) if operands else None
    else:
        text = None
    return (source, text) if text else None


def _clamped(source: Source, operands: list[cst.BaseExpression], eps: str) -> str | None:
    """Return the text with all of them clamped; one inside another is left to the reader."""
    if any(o in source.above(p) for o in operands for p in operands):
        return None
    return source.replaced({o: source.expression(f"{source.atom(o)}.clamp_min({eps})") for o in operands})


def _operand(source: Source, call: cst.Call, name: str) -> cst.BaseExpression | None:
    """Return what a function or method of this name is applied to."""
    func = call.func
    known = source.imported(func)
    if known:
        first = argument(call, 0, "input")
        return first.value if known.startswith("torch.") and known.rpartition(".")[2] == name and first else None
    if isinstance(func, cst.Attribute) and func.attr.value == name and not call.args:
        return func.value
    return None


def _divisor(case: Case, source: Source, line: int, eps: str) -> str | None:
    """Return the text with the only divisor of a line clamped, if it is a sum or the like that is never negative."""
    low = next((m.value[0] for m in case.finding.seen if isinstance(m.value, list | tuple) and m.value), None)
    if not isinstance(low, int | float) or low < 0:
        return None
    divisions = [b for b in source.at(cst.BinaryOperation, line) if isinstance(b.operator, cst.Divide)]
    divisor = only([b.right for b in divisions if _reduces(source, b.right)])
    if divisor is None:
        return None
    return source.replaced({divisor: source.expression(f"{source.atom(divisor)}.clamp_min({eps})")})


def _reduces(source: Source, node: cst.BaseExpression) -> bool:
    """Tell whether an expression is a sum or the like of a tensor, or the name of one."""
    made = only(source.assigned(node.value)) if isinstance(node, cst.Name) else None
    value = made.value if made is not None else node
    func = value.func if isinstance(value, cst.Call) else None
    return isinstance(func, cst.Attribute) and func.attr.value in REDUCTIONS
