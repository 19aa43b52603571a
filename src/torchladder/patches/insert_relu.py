"""A ReLU between affine layers: in the ``Sequential`` that lists them, or around the call of the first."""

import re
from collections.abc import Sequence

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import New, Source, only, without_comment

Edits = dict[cst.CSTNode, New]


def edit(case: Case) -> Edited | None:
    """Return the file with an activation after every layer that lacks one."""
    names = [str(n).rpartition(":")[2] for n in case.args.get("modules") or ()]
    for index in range(len(case.finding.where)):
        place = case.at(index)
        if place is None or not names:
            continue
        text = _edited(place[0], names)
        if text:
            return place[0], text
    return None


def _edited(source: Source, names: list[str]) -> str | None:
    """Return the text with all of the layers followed by a ReLU, None when one of them cannot be."""
    new: Edits = {}
    containers: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        parent, _, last = name.rpartition(".")
        containers.setdefault(parent, []).append(last)
    for parent, layers in containers.items():
        made = _in_sequential(source, parent, layers) or _in_forward(source, parent, layers)
        if made is None:
            made = _by_add_module(source, parent, layers)
        if made is None or set(made) & set(new):
            return None
        new |= made
    return source.replaced(new)


def _sequentials(source: Source, parent: str) -> list[cst.Call]:
    """Return the calls that make the ``Sequential`` of a name."""
    found = []
    for call in source.every(cst.Call):
        if source.torch_name(call.func) != "Sequential" or not source.single(call):
            continue
        up = source.parent(call)
        targets = [source.code(t.target).strip() for t in up.targets] if isinstance(up, cst.Assign) else []
        named = (
            any(t == f"self.{parent}" for t in targets) if parent else not any(t.startswith("self.") for t in targets)
        )
        if named and (targets or isinstance(up, cst.Return)):
            found.append(call)
    return found


def _in_sequential(source: Source, parent: str, layers: list[str]) -> Edits | None:
    """Return the longer argument list of the ``Sequential`` that holds the layers."""
    relu = source.spelled("torch.nn.ReLU")
    call = only([c for c in _sequentials(source, parent) if c.args])
    if call is None or relu is None:
        return None
    fresh = source.expression(f"{relu}()")
    if all(layer.isdecimal() for layer in layers):
        wanted = {int(layer) for layer in layers}
        if any(a.star or a.keyword for a in call.args) or max(wanted) >= len(call.args) - 1:
            return None
        if not all(_is_affine(source, call.args[i].value) for i in wanted):
            return None
        return {call: call.with_changes(args=_longer(list(call.args), wanted, [cst.Arg(fresh)] * len(call.args)))}
    named = _entries(source, call)
    if named is None or not set(layers) <= set(named[1]):
        return None
    entries, order = named
    wanted = {order.index(layer) for layer in layers}
    if max(wanted) >= len(order) - 1:
        return None
    extra = [cst.Element(source.expression(f'("{name}_relu", {relu}())')) for name in order]
    if any(f"{name}_relu" in order for name in order):
        return None
    return {entries: entries.with_changes(elements=_longer(list(entries.elements), wanted, extra))}


def _entries(source: Source, call: cst.Call) -> tuple[cst.List, list[str]] | None:
    """Return the list of an OrderedDict given to a ``Sequential``, and its names."""
    inner = call.args[0].value if len(call.args) == 1 else None
    if (
        not isinstance(inner, cst.Call)
        or source.imported(inner.func) != "collections.OrderedDict"
        or len(inner.args) != 1
    ):
        return None
    entries = inner.args[0].value
    if not isinstance(entries, cst.List):
        return None
    names = []
    for element in entries.elements:
        pair = element.value
        key = pair.elements[0].value if isinstance(pair, cst.Tuple) and len(pair.elements) == 2 else None  # noqa: PLR2004
        if not isinstance(key, cst.SimpleString) or not isinstance(key.evaluated_value, str):
            return None
        names.append(key.evaluated_value)
    return entries, names


def _longer(items: Sequence[cst.CSTNode], wanted: set[int], fresh: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
    """Return the items with a new one behind each that is wanted, laid out like it."""
    out: list[cst.CSTNode] = []
    for i, item in enumerate(items):
        out.append(item)
        if i in wanted:
            comma = getattr(item, "comma", None)
            space = comma.whitespace_after if isinstance(comma, cst.Comma) else None
            if isinstance(comma, cst.Comma) and isinstance(space, cst.ParenthesizedWhitespace):
                # A remark stays on its line; lines of their own belong to what follows.
                out[-1] = item.with_changes(
                    comma=comma.with_changes(whitespace_after=space.with_changes(empty_lines=[]))
                )
                bare = without_comment(space).with_changes(empty_lines=space.empty_lines)
                out.append(fresh[i].with_changes(comma=comma.with_changes(whitespace_after=bare)))
            else:
                out.append(fresh[i].with_changes(comma=comma))
    return out


def _is_affine(source: Source, node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and bool(re.search(r"Linear|Conv", source.torch_name(node.func)))


def _in_forward(source: Source, parent: str, layers: list[str]) -> Edits | None:
    """Return the calls of the layers in ``forward``, each inside a ReLU."""
    relu = source.spelled("torch.relu") or source.spelled("torch.nn.functional.relu")
    if parent or relu is None or not all(layer.isidentifier() for layer in layers):
        return None
    calls = [c for c in source.every(cst.Call) if source.code(c.func) in {f"self.{layer}" for layer in layers}]
    if len(calls) != len(layers) or len({source.class_of(c) for c in calls}) != 1 or any(map(source.repeated, calls)):
        return None
    # From the inside out, since one call may stand in another.
    text: dict[cst.CSTNode, cst.CSTNode] = {}
    for call in sorted(calls, key=lambda c: len(source.code(c))):
        inner = call.visit(_Nested(text))
        if not isinstance(inner, cst.Call):
            return None
        text[call] = cst.Call(source.expression(relu), [cst.Arg(inner)])
    return {c: new for c, new in text.items() if not any(up in text for up in source.above(c))}


class _Nested(cst.CSTTransformer):
    """Puts calls that were changed already into the call around them."""

    def __init__(self, new: dict[cst.CSTNode, cst.CSTNode]) -> None:
        super().__init__()
        self.new = new

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802
        """Return the call in its ReLU."""
        made = self.new.get(original_node, updated_node)
        return made if isinstance(made, cst.BaseExpression) else updated_node


def _by_add_module(source: Source, parent: str, layers: list[str]) -> Edits | None:
    """Return the lines ``model.add_module("fc", nn.Linear(…))``, each with one more behind it."""
    relu = source.spelled("torch.nn.ReLU")
    if relu is None:
        return None
    new: Edits = {}
    for layer in layers:
        found = []
        for line in source.every(cst.SimpleStatementLine):
            call = line.body[0].value if len(line.body) == 1 and isinstance(line.body[0], cst.Expr) else None
            if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute) or not call.args:
                continue
            target = source.code(call.func.value)
            mine = target == f"self.{parent}" if parent else not target.startswith("self.")
            key = call.args[0].value
            named = isinstance(key, cst.SimpleString) and key.evaluated_value == layer
            if call.func.attr.value == "add_module" and mine and named and source.single(line):
                found.append((line, target))
        if len(found) != 1:
            return None
        line, target = found[0]
        fresh = source.line(f'{target}.add_module("{layer}_relu", {relu}())')
        new[line] = cst.FlattenSentinel([line, fresh])
    return new or None
