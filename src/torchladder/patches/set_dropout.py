"""A dropout drops less where it is made or called, or in training only."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.rates import origin
from torchladder.patches.source import Source, argument, is_plain, keyword, literal, number, only, with_argument

ATTENTION = "scaled_dot_product_attention"


def edit(case: Case) -> Edited | None:
    """Return the file with another probability, or with the dropout bound to the module's mode."""
    if case.args.get("gate"):
        return _gated(case)
    p = case.args.get("p")
    was = next((float(m.value) for m in case.finding.seen if isinstance(m.value, int | float)), None)
    if not isinstance(p, int | float) or was is None:
        return None

    def new(written: float) -> float | None:
        return float(p) if written == was else None

    for index in range(len(case.finding.where)):
        place = case.at(index)
        call = only([c for c in place[0].at(cst.Call, place[1]) if _drops(place[0], c)]) if place is not None else None
        if place is None or call is None:
            continue
        source = place[0]
        given = argument(call, 0 if _is_layer(source, call) else 1, "p")
        node = None if given is None else given.value
        if node is not None and literal(node) is None and isinstance(node, cst.BaseExpression):
            node = origin(source, node, new)  # type: ignore[assignment]
        value = literal(node)
        if node is None or value is None or new(value) is None:
            return None
        text = source.replaced({node: source.expression(number(float(p)))})
        return (source, text) if text else None
    return None


def _drops(source: Source, call: cst.Call) -> bool:
    return bool(re.fullmatch(r"(?:Alpha)?Dropout[123]?d?|(?:alpha_)?dropout[123]?d?", source.torch_name(call.func)))


def _is_layer(source: Source, call: cst.Call) -> bool:
    return "Dropout" in source.torch_name(call.func)


def _gated(case: Case) -> Edited | None:
    """Return the file in which a function drops by ``self.training``, inside the module that calls it."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    name = str(case.args.get("function"))
    calls = [c for c in source.at(cst.Call, line) if source.torch_name(c.func) == name]
    call = only(calls)
    function = source.function(call) if call is not None else None
    home = source.class_of(call) if call is not None else None
    if call is None or not isinstance(function, cst.FunctionDef) or home is None or not is_plain(call):
        return None
    of_module = any("Module" in source.code(b.value) for b in home.bases)
    parameters = [p.name.value for p in function.params.params]
    if not of_module or parameters[:1] != ["self"]:
        return None
    text = _attention(source, call) if name == ATTENTION else _function(source, call)
    return (source, text) if text else None


def _attention(source: Source, call: cst.Call) -> str | None:
    given = argument(call, 4, "dropout_p")
    if given is None or not isinstance(given.value, cst.Float | cst.Name | cst.Attribute):
        return None
    gated = f"{source.code(given.value)} if self.training else 0.0"
    return source.replaced({given.value: source.expression(gated)})


def _function(source: Source, call: cst.Call) -> str | None:
    flag = argument(call, 2, "training")
    mode = source.expression("self.training")
    if flag is None:
        return source.replaced({call: with_argument(call, keyword("training", mode))})
    always = isinstance(flag.value, cst.Name) and flag.value.value == "True"
    return source.replaced({flag.value: mode}) if always else None
