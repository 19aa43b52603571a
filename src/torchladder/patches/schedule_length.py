"""The number behind the length of a schedule. Not an edit."""

import re

import libcst as cst

from torchladder.patches.rates import origin
from torchladder.patches.schedules import Schedule
from torchladder.patches.source import Source, argument, literal, only

LENGTHS = {"CosineAnnealingLR": (1, "T_max"), "PolynomialLR": (1, "total_iters"), "LinearLR": (3, "total_iters")}


def lengthened(found: Schedule, was: object, length: object) -> str | None:
    """Return the text in which a schedule is as long as the run, by the name that the file has for that."""
    source = found.source
    known = LENGTHS.get(source.torch_name(found.made.func))
    given = argument(found.made, *known) if known is not None else None
    if given is None or not isinstance(was, int) or not isinstance(length, int):
        return None

    def new(written: float) -> float | None:
        return float(length) if written == was else None

    node: cst.CSTNode | None = given.value
    if literal(node) is None:
        node = origin(source, given.value, new)
    value = literal(node)
    if node is None or value is None or new(value) is None:
        return None
    name = _epochs(source, length) if node is given.value else None
    return source.replaced({node: source.expression(name or str(length))})


def _epochs(source: Source, length: int) -> str | None:
    """Return the one name of the file's own for this number of epochs."""
    names = []
    for statement in source.module.body:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Assign) and literal(small.value) == length and len(small.targets) == 1:
            names.append(source.code(small.targets[0].target).strip())
    return only([n for n in names if re.search("epoch", n, re.IGNORECASE) and len(source.assigned(n)) == 1])
