"""The same softmax along another axis: its ``dim`` is replaced, or given."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, argument, keyword, only, with_argument

FUNCTIONS = {"softmax", "log_softmax"}
LAYERS = {"Softmax", "LogSoftmax"}


def edit(case: Case) -> Edited | None:
    """Return the file with the wanted ``dim``."""
    site, dim = case.site(), case.args.get("dim")
    if site is None or not isinstance(dim, int):
        return None
    source, line = site
    found = [(c, p) for c in source.at(cst.Call, line) if (p := _position(source, c)) is not None]
    if not found:
        made = case.at(0)
        if made is None:
            return None
        source, line = made
        found = [(c, 0) for c in source.at(cst.Call, line) if source.torch_name(c.func) in LAYERS]
        if len(found) != 1 or not source.single(found[0][0]) or not _used_once(source, found[0][0]):
            return None
    if len(found) != 1:
        return None
    call, position = found[0]
    module = str(case.args.get("module") or "").rpartition(":")[2]
    home = source.class_of(call)
    if module and source.torch_name(call.func) not in LAYERS and (home is None or not source.used_once(home)):
        return None
    given = argument(call, position, "dim")
    value = source.expression(str(dim))
    if given is None:
        if any(a.star for a in call.args):
            return None
        text = source.replaced({call: with_argument(call, keyword("dim", value))})
    else:
        text = source.replaced({given.value: value})
    return (source, text) if text else None


def _position(source: Source, call: cst.Call) -> int | None:
    """Return where a softmax call has its ``dim``, None for other calls."""
    name = source.torch_name(call.func)
    if name:
        return 1 if name in FUNCTIONS else None
    func = call.func
    if isinstance(func, cst.Call) and source.torch_name(func.func) in LAYERS:
        return None  # the inner call is what holds the axis
    if isinstance(func, cst.Attribute) and func.attr.value in FUNCTIONS and len(call.args) == 1:
        arg = call.args[0]
        by_name = arg.keyword is not None and arg.keyword.value == "dim"
        return 0 if by_name or isinstance(arg.value, cst.Integer | cst.UnaryOperation) else None
    return None


def _used_once(source: Source, made: cst.Call) -> bool:
    """Tell whether the layer is called at one place: as it is made, or by the name it is assigned to."""
    up = source.parent(made)
    if not isinstance(up, cst.Assign):
        return True
    names = {source.code(t.target).strip() for t in up.targets}
    return only([c for c in source.every(cst.Call) if source.code(c.func) in names]) is not None
