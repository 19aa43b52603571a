"""The limit of clipping is raised to what ordinary gradients stay below."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.rates import origin
from torchladder.patches.source import Source, argument, literal, number, only

FUNCTIONS = {"clip_grad_norm_": "max_norm", "clip_grad_value_": "clip_value"}
OPTIONS = {"gradient_clip_val", "max_grad_norm"}


def edit(case: Case) -> Edited | None:
    """Return the file with another limit, where that is written as a number."""
    place, was, limit = case.at(0), case.args.get("was"), case.args.get("max_norm")
    if place is None or not isinstance(was, int | float) or not isinstance(limit, int | float) or limit <= was:
        return None
    source, line = place
    call = only([c for c in source.at(cst.Call, line) if _name(source, c)])
    given = argument(call, 1, FUNCTIONS[_name(source, call)]) if call is not None else None
    given = given or only([a for a in source.every(cst.Arg) if _is_option(a) and literal(a.value) == was])
    if given is None:
        return None

    def new(written: float) -> float | None:
        return float(limit) if written == was else None

    node = given.value if literal(given.value) is not None else origin(source, given.value, new)
    value = literal(node)
    if node is None or value is None or new(value) is None:
        return None
    text = source.replaced({node: source.expression(number(limit))})
    return (source, text) if text else None


def _is_option(arg: cst.Arg) -> bool:
    """Tell whether an argument is the limit of a trainer's own clipping."""
    return arg.keyword is not None and arg.keyword.value in OPTIONS


def _name(source: Source, call: cst.Call) -> str:
    """Return the name of torch's function that a call clips with, "" for all others."""
    name = source.torch_name(call.func)
    return name if name in FUNCTIONS else ""
