"""Logits pass through a sigmoid before they are compared with one half, or rounded."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import is_model
from torchladder.patches.source import Source, literal, only

HALF = 0.5
COMPARISONS = {"gt": cst.GreaterThan, "ge": cst.GreaterThanEqual, "lt": cst.LessThan, "le": cst.LessThanEqual}


def edit(case: Case) -> Edited | None:
    """Return the file with ``torch.sigmoid`` around what the line reads."""
    site, function = case.site(), str(case.args.get("function"))
    if site is None:
        return None
    source, line = site
    operands = _rounded(source, line) if function == "round" else _compared(source, line, function)
    outputs = [o for o in operands if _comes_from_model(source, o)]
    node = only(outputs)
    name = source.spelled("torch.sigmoid")
    if node is None or name is None or "sigmoid" in source.code(node):
        return None
    text = source.replaced({node: source.expression(f"{name}({source.code(node)})")})
    return (source, text) if text else None


def _compared(source: Source, line: int, function: str) -> list[cst.BaseExpression]:
    """Return the left sides of comparisons with one half."""
    if function not in COMPARISONS:
        return []
    kind = COMPARISONS[function]
    return [
        c.left
        for c in source.at(cst.Comparison, line)
        if [type(part.operator) for part in c.comparisons] == [kind] and literal(c.comparisons[0].comparator) == HALF
    ]


def _rounded(source: Source, line: int) -> list[cst.BaseExpression]:
    """Return what is rounded: by the method, or by torch's function."""
    found: list[cst.BaseExpression] = []
    for call in source.at(cst.Call, line):
        if source.imported(call.func) == "torch.round" and len(call.args) == 1:
            found.append(call.args[0].value)
        elif isinstance(call.func, cst.Attribute) and call.func.attr.value == "round" and not call.args:
            found.append(call.func.value)
    return found


def _comes_from_model(source: Source, node: cst.BaseExpression) -> bool:
    """Tell whether an expression calls a model, or is a name that the same function last gave a model's output."""
    if any(is_model(source, c) for c in source.every(cst.Call, inside=node)):
        return True
    names = [n.value for n in source.every(cst.Name, inside=node)][:1]
    made = [
        a
        for name in names
        for a in source.assigned(name)
        if source.function(a) is source.function(node) and source.span(a)[0] <= source.span(node)[0]
    ]
    last = max(made, key=lambda a: source.span(a)[0], default=None)
    value = last.value if last is not None else None
    return value is not None and any(is_model(source, c) for c in source.every(cst.Call, inside=value))
