"""An option of the optimizer that is written in the file gets another value."""

from collections.abc import Callable

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.rates import optimizer_call, origin
from torchladder.patches.source import Source, argument, literal, number, only

CLOSE = 1e-6


def edit(case: Case) -> Edited | None:
    """Return the file with the option's new value; the rule says what it was."""
    option, was, value = str(case.args.get("option")), case.args.get("was"), case.args.get("value")
    if "factor" in case.args and isinstance(was, int | float):
        value = was * case.args["factor"]
    made = optimizer_call(case)
    if made is None or not isinstance(was, int | float) or not isinstance(value, int | float):
        return None
    source, call = made
    was, value = float(was), float(value)

    def new(written: float) -> float | None:
        return value if abs(written - was) <= CLOSE * abs(was) else None

    nodes = [n for given in _given(source, call, option) if (n := _number(source, given, new)) is not None]
    node = only(nodes)
    text = source.replaced({node: source.expression(number(value))}) if node is not None else None
    return (source, text) if text else None


def _given(source: Source, call: cst.Call, option: str) -> list[cst.BaseExpression]:
    """Return what an optimizer is given as an option: as a keyword, and for groups of parameters."""
    keyword = argument(call, -1, option)
    groups = [
        d.value
        for d in source.every(cst.DictElement, inside=call)
        if isinstance(d.key, cst.SimpleString) and d.key.evaluated_value == option
    ]
    return [*groups, *([keyword.value] if keyword is not None else [])]


def _number(source: Source, given: cst.BaseExpression, new: Callable[[float], float | None]) -> cst.CSTNode | None:
    """Return the number behind an option that is the one in use; of betas, the first."""
    if isinstance(given, cst.Tuple | cst.List) and given.elements:
        given = given.elements[0].value
    node = given if literal(given) is not None else origin(source, given, new)
    value = literal(node)
    return node if value is not None and new(value) is not None else None
