"""Targets at the padded positions of the model's input get the value that the loss leaves out."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import creation, kind_of, loss_call, pair
from torchladder.patches.source import Source, literal, only

IGNORED = -100
PADDING = re.compile(r"pad", re.IGNORECASE)


def edit(case: Case) -> Edited | None:
    """Return the file with ``masked_fill`` on the targets, where the file says what pads its inputs."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    call = loss_call(source, line)
    both = pair(call) if call is not None else None
    if call is None or both is None or kind_of(source, call) not in {"cross_entropy", "nll_loss"}:
        return None
    made = creation(source, call.func) or call
    if any(a.keyword is not None and a.keyword.value == "ignore_index" for a in (*made.args, *call.args)):
        return None
    pad, given = _pad(source), _input(source, call)
    target = _names(both[1].value)
    if pad is None or given is None or target is None:
        return None
    mask = f"{given} == {pad}"
    name, flat = target
    fresh = source.expression(f"{name}.masked_fill({mask}, {IGNORED})")
    text = source.replaced({flat: fresh})
    return (source, text) if text else None


def _names(node: cst.BaseExpression) -> tuple[str, cst.Name] | None:
    """Return the name of the targets inside ``targets.reshape(-1)`` and the like."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        node = node.func.value
    return (node.value, node) if isinstance(node, cst.Name) else None


def _pad(source: Source) -> str | None:
    """Return the file's own name for what pads, or the value that an embedding is told to keep at zero."""
    names = []
    for statement in source.module.body:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Assign) and literal(small.value) is not None and len(small.targets) == 1:
            name = source.code(small.targets[0].target).strip()
            if name.isidentifier() and PADDING.search(name) and "len" not in name.lower():
                names.append(name)
    if names:
        return only(names)
    given = {
        source.code(a.value)
        for c in source.every(cst.Call)
        for a in c.args
        if a.keyword is not None
        and a.keyword.value in {"padding_idx", "padding_value"}
        and literal(a.value) is not None
    }
    return only(sorted(given))


def _input(source: Source, loss: cst.Call) -> str | None:
    """Return the name of what the model is called with in the block of the loss, before it."""
    function = source.function(loss)
    last = source.span(loss)[0]
    calls = []
    for call in source.every(cst.Call, inside=function or source.module):
        name = source.code(call.func)
        model = any(f"{name}.{m}(" in source.text for m in ("train", "eval", "parameters", "to"))
        if model and call.args and source.span(call)[0] <= last and source.function(call) is function:
            calls.append(call)
    inside = source.enclosing(loss, (cst.For, cst.While))
    near = [c for c in calls if inside is None or inside in source.above(c)]
    first = near[-1].args[0].value if near else None
    return first.value if isinstance(first, cst.Name) else None
