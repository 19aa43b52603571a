"""Samples and labels are taken from the same places of their lists."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, literal, only

PAIR = 2


def edit(case: Case) -> Edited | None:
    """Return the file in which a pair of slices, or of single items, does not begin at different places."""
    shift = case.args.get("shift")
    if case.args.get("how", "shift") != "shift" or not isinstance(shift, int) or not shift:
        return None
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        new = _edits(source, shift) if source is not None else None
        text = source.replaced(dict(new)) if source is not None and new else None
        if source is not None and text is not None:
            return source, text
    return None


def _edits(source: Source, shift: int) -> dict[cst.CSTNode, cst.CSTNode] | None:
    """Return the index of the labels that is to become that of the samples."""
    found = []
    for left, right in _pairs(source):
        one, other = _index(left), _index(right)
        if one is None or other is None or source.code(left.value) == source.code(right.value):
            continue
        if _is_displaced(source, one, other, -shift):
            found.append((other, one))
    pair = only(found)
    return {pair[0]: pair[1].deep_clone()} if pair is not None else None


def _pairs(source: Source) -> list[tuple[cst.Subscript, cst.Subscript]]:
    """Return the neighbouring subscripts of each data set that is made, and of each pair that is returned."""
    calls = [c for c in source.every(cst.Call) if _takes_pairs(source, c)]
    returned = [r.value for r in source.every(cst.Return) if isinstance(r.value, cst.Tuple)]
    both = [*([a.value for a in c.args] for c in calls), *([e.value for e in t.elements] for t in returned)]
    made = [v for v in both if len(v) == PAIR]
    return [(a, b) for a, b in made if isinstance(a, cst.Subscript) and isinstance(b, cst.Subscript)]


def _takes_pairs(source: Source, call: cst.Call) -> bool:
    return source.torch_name(call.func) == "TensorDataset" or source.code(call.func) == "zip"


def _index(node: cst.Subscript) -> cst.BaseSlice | None:
    return node.slice[0].slice if len(node.slice) == 1 else None


def _is_displaced(source: Source, one: cst.BaseSlice, other: cst.BaseSlice, by: int) -> bool:
    """Tell whether one index is another moved by so many places."""
    if isinstance(one, cst.Slice) and isinstance(other, cst.Slice):
        if one.step is not None or other.step is not None:
            return False
        low = (_number(other.lower) or 0.0) - (_number(one.lower) or 0.0)
        plain = all(n is None or literal(n) is not None for n in (one.lower, other.lower))
        return plain and low == by
    if isinstance(one, cst.Index) and isinstance(other, cst.Index):
        text = source.code(other.value).replace(" ", "")
        sign = "+" if by > 0 else "-"
        return text == f"{source.code(one.value)}{sign}{abs(by)}"
    return False


def _number(node: cst.BaseExpression | None) -> float | None:
    return literal(node) if node is not None else None
