"""The hidden sizes of a chain of linear layers are raised where they are written."""

from itertools import pairwise

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.rates import origin
from torchladder.patches.source import New, Source, argument, is_plain, literal


def edit(case: Case) -> Edited | None:
    """Return the file with the width for every smaller number of hidden units."""
    place, modules, width = case.at(0), case.args.get("modules") or (), case.args.get("width")
    if place is None or not isinstance(width, int):
        return None
    source = place[0]
    layers = [c for c in source.every(cst.Call) if source.torch_name(c.func) == "Linear"]
    if len(layers) != len(modules) or not all(is_plain(c) for c in layers):
        return None  # which of them are the model's cannot be told
    new: dict[cst.CSTNode, New] = {}
    for first, second in pairwise(layers):
        for given in (argument(first, 1, "out_features"), argument(second, 0, "in_features")):
            node = _smaller(source, given.value, width) if given is not None else None
            if node is not None:
                new[node] = source.expression(str(width))
    text = source.replaced(new) if new else None
    return (source, text) if text else None


def _smaller(source: Source, size: cst.BaseExpression, width: int) -> cst.CSTNode | None:
    """Return the number behind a size, if it is written in one place and below the width."""
    node = size if literal(size) is not None else origin(source, size, lambda n: width if n < width else None)
    value = literal(node)
    return node if value is not None and value < width else None
