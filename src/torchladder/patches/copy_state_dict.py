"""A kept state is a deep copy of the weights."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.imports import spelled_or_imported
from torchladder.patches.source import New, Source, only

SHALLOW = {"copy.copy"}
USED_AT_ONCE = {"deepcopy", "load_state_dict", "save", "save_file", "dump"}


def edit(case: Case) -> Edited | None:
    """Return the file with ``copy.deepcopy`` around the only ``state_dict()`` of the line."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    calls = [
        c for c in source.at(cst.Call, line) if isinstance(c.func, cst.Attribute) and c.func.attr.value == "state_dict"
    ]
    state = only(calls)
    around = [up.func for up in source.above(state) if isinstance(up, cst.Call)] if state is not None else []
    if any(source.code(f).rpartition(".")[2] in USED_AT_ONCE for f in around):
        return None
    found = spelled_or_imported(source, "copy", "deepcopy") if state is not None else None
    if state is None or found is None:
        return None
    name, edits = found
    changes: dict[cst.CSTNode, New] = {**edits, **_copied(source, state, name)}
    text = source.replaced(changes)
    return (source, text) if text else None


def _copied(source: Source, state: cst.Call, name: str) -> dict[cst.CSTNode, New]:
    """Return the replacement of a state by its deep copy: in the place of a shallow one, where there is one."""
    arg = source.parent(state)
    outer = source.parent(arg) if isinstance(arg, cst.Arg) else None
    if isinstance(outer, cst.Call) and source.imported(outer.func) in SHALLOW:
        return {outer.func: source.expression(name)}
    attribute = source.parent(state)
    method = (
        source.parent(attribute) if isinstance(attribute, cst.Attribute) and attribute.attr.value == "copy" else None
    )
    old = method if isinstance(method, cst.Call) and not method.args else state
    return {old: source.expression(f"{name}({source.code(state)})")}
