"""A loop that takes the first batch at every turn goes over the loader instead."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only


def edit(case: Case) -> Edited | None:
    """Return the file with ``for batch in loader`` for ``for _ in range(n): batch = next(iter(loader))``."""
    for index in range(len(case.finding.where)):
        place = case.at(index)
        text = _advanced(*place) if place is not None else None
        if place is not None and text is not None:
            return place[0], text
    return None


def _advanced(source: Source, line: int) -> str | None:
    """Return the text in which the loop around the line goes over the loader."""
    statements = [s for s in source.every(cst.SimpleStatementLine) if _first_batch(s) is not None]
    near = [s for s in statements if source.span(s)[0] <= line <= source.span(s)[1]] or statements
    statement = only(near)
    found = _first_batch(statement) if statement is not None else None
    loop = source.parent(source.parent(statement) or statement) if statement is not None else None
    if statement is None or found is None or not isinstance(loop, cst.For) or loop.body.body[0] is not statement:
        return None
    target, loader = found
    counts = isinstance(loop.iter, cst.Call) and source.code(loop.iter.func) == "range"
    counter = loop.target.value if isinstance(loop.target, cst.Name) else None
    names = [n for n in source.every(cst.Name, inside=loop) if n.value == counter]
    if not counts or counter is None or len(names) != 1 or len(loop.body.body) == 1:
        return None
    rest = loop.body.with_changes(body=loop.body.body[1:])
    fresh = loop.with_changes(target=target, iter=loader, body=rest)
    return source.replaced({loop: fresh})


def _first_batch(statement: cst.CSTNode) -> tuple[cst.BaseAssignTargetExpression, cst.BaseExpression] | None:
    """Return what a line assigns ``next(iter(loader))`` to, and the loader."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1 else None
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    inner = _only_argument(small.value, "next")
    loader = _only_argument(inner, "iter") if inner is not None else None
    return (small.targets[0].target, loader) if isinstance(loader, cst.Name | cst.Attribute) else None


def _only_argument(node: cst.BaseExpression, function: str) -> cst.BaseExpression | None:
    named = isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == function
    return node.args[0].value if named and isinstance(node, cst.Call) and len(node.args) == 1 else None
