"""Pictures that were reshaped from channels last to channels first have their axes moved."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only

SIZES = 4
CHANNELS = {"1", "3", "4"}
# What numpy and torch call the same thing; arrays in memory are torch's where the file reshapes tensors.
MOVES = {"array": "transpose", "tensor": "permute"}


def edit(case: Case) -> Edited | None:
    """Return the file in which the only reshape to (N, C, H, W) reads (N, H, W, C) and moves the channels."""
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        one = only([c for c in source.every(cst.Call) if _is_reshape(source, c)]) if source is not None else None
        text = _moved(source, one) if source is not None and one is not None else None
        if source is not None and text is not None:
            return source, text
    return None


def _is_reshape(source: Source, call: cst.Call) -> bool:
    """Tell whether a call reshapes to four sizes with few channels first."""
    func = call.func
    named = isinstance(func, cst.Attribute) and func.attr.value in {"reshape", "view"} and not source.imported(func)
    sizes = _sizes(call)
    return named and len(sizes) == SIZES and source.code(sizes[1]) in CHANNELS


def _sizes(call: cst.Call) -> list[cst.BaseExpression]:
    if any(a.keyword or a.star for a in call.args):
        return []
    one = call.args[0].value if len(call.args) == 1 else None
    return [e.value for e in one.elements] if isinstance(one, cst.Tuple | cst.List) else [a.value for a in call.args]


def _moved(source: Source, call: cst.Call) -> str | None:
    """Return the text with the channels read last, then moved."""
    n, c, h, w = (source.code(size) for size in _sizes(call))
    func = call.func
    assert isinstance(func, cst.Attribute)
    of = source.code(func.value)
    kind = "tensor" if func.attr.value == "view" or "torch.tensor(" in of or "from_numpy(" in of else "array"
    text = f"{source.code(func)}({n}, {h}, {w}, {c}).{MOVES[kind]}(0, 3, 1, 2)"
    return source.replaced({call: source.expression(text)})
