"""A conversion to whole numbers becomes one to floating point."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, argument

METHODS = {"long", "int", "short"}
WHOLE = {"long", "int", "int64", "int32", "int16", "short"}
OLD_TYPES = {"LongTensor": "FloatTensor", "IntTensor": "FloatTensor", "ShortTensor": "FloatTensor"}


def edit(case: Case) -> Edited | None:
    """Return the file that keeps the fractions."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    found: list[tuple[cst.CSTNode, cst.CSTNode]] = []
    for call in source.at(cst.Call, line):
        found += _conversions(source, call)
    if len(found) != 1:
        return None
    old, new = found[0]
    text = source.replaced({old: new})
    return (source, text) if text else None


def _conversions(source: Source, call: cst.Call) -> list[tuple[cst.CSTNode, cst.CSTNode]]:
    """Return what names a whole-numbered type in a call, and what is to stand there."""
    func = call.func
    if isinstance(func, cst.Attribute) and func.attr.value in METHODS and not call.args:
        return [(func.attr, cst.Name("float"))]
    known = source.torch_name(func)
    converts = isinstance(func, cst.Attribute) and func.attr.value in {"to", "type"}
    arg = argument(call, 0 if converts else -1, "dtype") if converts or known in {"tensor", "as_tensor"} else None
    dtype = arg.value if arg else None
    if not isinstance(dtype, cst.Attribute):
        return []
    name = source.torch_name(dtype)
    if name in WHOLE:
        return [(dtype.attr, cst.Name("float32"))]
    return [(dtype.attr, cst.Name(OLD_TYPES[name]))] if name in OLD_TYPES else []
