"""One call is passed over: its operand takes its place, or its layer leaves the ``Sequential``."""

import re
from collections.abc import Sequence
from typing import Any

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.lines import without_last
from torchladder.patches.source import Source, argument, literal, only

LAYERS = {
    "softmax": "Softmax", "log_softmax": "LogSoftmax", "sigmoid": "Sigmoid", "relu": "ReLU", "relu6": "ReLU6",
    "tanh": "Tanh", "hardtanh": "Hardtanh", "hardsigmoid": "Hardsigmoid", "softsign": "Softsign",
    "dropout": "Dropout",
}  # fmt: skip
FUNCTIONS = {*LAYERS, "expit", "clamp_min", "detach"}
NO_GRAD = {"no_grad", "inference_mode"}
HALF = 0.5
METHOD_ARGS = {"dim", "dtype", "min"}


def edit(case: Case) -> Edited | None:
    """Return the file without the call."""
    site = case.site()
    function = str(case.args.get("function") or "")
    name = re.sub(r"_?backward\d*$", "", function.lower()).rstrip("_")
    if site is None:
        return None
    source, line = site
    if function in NO_GRAD:
        return _without_no_grad(source, line)
    if function.startswith("data"):
        return _without_data(source, line)
    if name not in FUNCTIONS:
        return None
    module = str(case.args.get("module") or "").rpartition(":")[2]
    call = _call(source, line, name, module)
    if call is None:
        return _without_layer(case, name, module)
    node, inner, by_layer = call
    owner = module.rpartition(".")[0] if by_layer else module
    home = source.class_of(node)
    if owner and (home is None or not source.used_once(home)):
        return None  # other instances of the class would lose theirs
    if name in {"sigmoid", "expit", "hardsigmoid"} and _is_output(source, node) and _reads_probabilities(source):
        return None  # answers are read as probabilities elsewhere
    text = source.replaced({node: source.operand(inner, node)})
    return (source, text) if text else None


def _call(source: Source, line: int, name: str, module: str) -> tuple[cst.Call, cst.BaseExpression, bool] | None:
    """Return the only call meant at a line, its operand, and whether it calls a layer by its name."""
    found = []
    for call in source.at(cst.Call, line):
        operand, by_layer = _operand(source, call, name, module.rpartition(".")[2]), False
        if operand is None:
            operand, by_layer = _fed_to_layer(source, call, name, module.rpartition(".")[2]), True
        if operand is not None:
            found.append((call, operand, by_layer))
    return found[0] if len(found) == 1 else None


def _operand(source: Source, call: cst.Call, name: str, layer: str) -> cst.BaseExpression | None:
    """Return what a function or tensor method of this name is applied to."""
    func = call.func
    known = source.torch_name(func)
    if known:
        first = argument(call, 0, "input")
        return first.value if known.rstrip("_") == name and first else None
    if not isinstance(func, cst.Attribute) or func.attr.value.rstrip("_") != name or func.attr.value == layer:
        return None
    # A layer or a module of functions is called with tensors, a tensor's own method with numbers.
    for arg in call.args:
        settled = isinstance(arg.value, cst.Integer | cst.Float | cst.UnaryOperation)
        if arg.star or not (settled or (arg.keyword and arg.keyword.value in METHOD_ARGS)):
            return None
    if isinstance(func.value, cst.Name) and (func.value.value == "self" or source.imported(func.value)):
        return None
    return func.value


def _fed_to_layer(source: Source, call: cst.Call, name: str, layer: str) -> cst.BaseExpression | None:
    """Return what a layer of the model is called with, for ``self.act(x)`` and ``nn.Softmax(1)(x)``."""
    plain = len(call.args) == 1 and not call.args[0].star and call.args[0].keyword is None
    if not plain:
        return None
    func = call.func
    if isinstance(func, cst.Call) and name in LAYERS and source.torch_name(func.func) == LAYERS[name]:
        return call.args[0].value
    by_name = isinstance(func, cst.Attribute) and bool(layer) and func.attr.value == layer
    local = isinstance(func, cst.Name) and _makes(source, func.value, name)
    return call.args[0].value if by_name or local else None


def _makes(source: Source, target: str, name: str) -> bool:
    """Tell whether a name is assigned once, to a layer that computes this function."""
    assigned = only(source.assigned(target))
    value = assigned.value if assigned else None
    return isinstance(value, cst.Call) and source.torch_name(value.func) == LAYERS.get(name, "?")


def _is_output(source: Source, node: cst.CSTNode) -> bool:
    """Tell whether the value goes on to be returned or kept, and not straight into another call."""
    up = source.parent(node)
    while isinstance(up, cst.Attribute | cst.Call):
        up = source.parent(up)
    return not isinstance(up, cst.Arg)


def _reads_probabilities(source: Source) -> bool:
    """Tell whether something is compared with one half or rounded, other than the data that a loop yields."""
    loops: list[cst.For | cst.CompFor] = [*source.every(cst.For), *source.every(cst.CompFor)]
    data = {n.value for loop in loops for n in source.every(cst.Name, inside=loop.target)}
    for comparison in source.every(cst.Comparison):
        sides = [comparison.left, *(c.comparator for c in comparison.comparisons)]
        halves = [s for s in sides if literal(s) == HALF]
        others = [s for s in sides if s not in halves]
        if halves and not all(isinstance(s, cst.Name) and s.value in data for s in others):
            return True
    return any(
        isinstance(c.func, cst.Attribute) and c.func.attr.value in {"round", "round_"} for c in source.every(cst.Call)
    )


def _without_data(source: Source, line: int) -> Edited | None:
    """Return the file without the only ``.data`` of a line."""
    found = [a for a in source.at(cst.Attribute, line) if a.attr.value == "data"]
    node = only([a for a in found if not isinstance(source.parent(a), cst.AssignTarget)])
    if node is None or source.imported(node):
        return None
    up = source.parent(node)
    if isinstance(up, cst.Call) and up.func is node:
        return None
    text = source.replaced({node: source.operand(node.value, node)})
    return (source, text) if text else None


def _without_no_grad(source: Source, line: int) -> Edited | None:
    """Return the file with the body of the ``with`` block around a line in its place."""
    around = [w for w in source.every(cst.With) if source.span(w)[0] <= line <= source.span(w)[1]]
    for block in reversed(around):
        item = block.items[0].item
        named = isinstance(item, cst.Call) and source.torch_name(item.func) in NO_GRAD
        if not named or len(block.items) != 1 or not isinstance(block.body, cst.IndentedBlock):
            continue
        body = list(block.body.body)
        first = body[0]
        if isinstance(first, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            body[0] = first.with_changes(leading_lines=[*block.leading_lines, *first.leading_lines])
        text = source.replaced({block: cst.FlattenSentinel(body)})
        return (source, text) if text else None
    return None


def _without_layer(case: Case, name: str, module: str) -> Edited | None:
    """Return the file in which a ``Sequential`` is built without its last layer."""
    made = case.at(0)
    if made is None or name not in LAYERS:
        return None
    source, line = made
    if name in {"sigmoid", "hardsigmoid"} and _reads_probabilities(source):
        return None
    last: str | None = module.rpartition(".")[2]
    layers = [c for c in source.at(cst.Call, line) if source.torch_name(c.func) == LAYERS[name]]
    if not layers and case.args.get("module") is None:  # then the only one of its kind is meant
        layers, last = [c for c in source.every(cst.Call) if source.torch_name(c.func) == LAYERS[name]], None
        layers = layers if len(layers) == 1 else []
    texts = [_dropped(source, source.parent(layer), last) for layer in layers if source.single(layer)]
    text = only([t for t in texts if t])
    return (source, text) if text else None


def _dropped(source: Source, place: cst.CSTNode | None, last: str | None) -> str | None:
    """Return the text without what ends a ``Sequential``, however that is written."""
    outer = source.parent(place) if place else None
    if isinstance(place, cst.Arg) and isinstance(outer, cst.Call) and source.torch_name(outer.func) == "Sequential":
        if outer.args[-1] is not place or any(a.star for a in outer.args):
            return None
        if last not in {None, str(len(outer.args) - 1)}:
            return None
        text = without_last(source, place, outer.args[-2] if len(outer.args) > 1 else None)
        return text or source.replaced({outer: outer.with_changes(args=_shortened(outer.args))})
    if isinstance(place, cst.Element) and isinstance(outer, cst.Tuple):  # ("name", nn.ReLU()) of an OrderedDict
        entry = source.parent(outer)
        entries = source.parent(entry) if entry else None
        if not isinstance(entry, cst.Element) or not isinstance(entries, cst.List) or entries.elements[-1] is not entry:
            return None
        around = [source.torch_name(u.func) for u in source.above(entries) if isinstance(u, cst.Call)]
        if last not in {None, source.code(outer.elements[0].value).strip("'\"")} or "Sequential" not in around:
            return None
        text = without_last(source, entry, entries.elements[-2] if len(entries.elements) > 1 else None)
        return text or source.replaced({entries: entries.with_changes(elements=_shortened(entries.elements))})
    if isinstance(place, cst.Arg) and isinstance(outer, cst.Call) and isinstance(outer.func, cst.Attribute):
        return _without_add_module(source, outer, last)
    return None


def _shortened(items: Sequence[cst.Arg | cst.BaseElement]) -> list[cst.CSTNode]:
    """Return a list without its last item, which leaves its layout to the one before."""
    *kept, last = items
    if not kept:
        return []
    changes: dict[str, Any] = {"comma": last.comma if isinstance(last, cst.Arg | cst.Element) else None}
    if isinstance(last, cst.Arg):
        changes["whitespace_after_arg"] = last.whitespace_after_arg
    return [*kept[:-1], kept[-1].with_changes(**changes)]


def _without_add_module(source: Source, call: cst.Call, last: str | None) -> str | None:
    """Return the text without a line ``model.add_module("act", nn.ReLU())`` that is the last of its kind."""
    func = call.func
    line = source.statement_of(call)
    if not isinstance(func, cst.Attribute) or func.attr.value not in {"add_module", "register_module"}:
        return None
    alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 and isinstance(line.body[0], cst.Expr)
    if not alone or line is None or last not in {None, source.code(call.args[0].value).strip("'\"")}:
        return None
    same = [c for c in source.every(cst.Call) if source.code(c.func) == source.code(func)]
    if max(same, key=lambda c: source.span(c)[0]) is not call:
        return None
    return source.replaced({line: cst.RemoveFromParent()})
