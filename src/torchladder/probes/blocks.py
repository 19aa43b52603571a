"""The user's source around a line: where a block of model calls begins."""

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from torchladder.core.findings import Place
from torchladder.runner.place import absolute

WITHOUT_GRADIENTS = {"no_grad", "inference_mode", "set_grad_enabled"}
Loop = ast.For | ast.While | ast.AsyncFor
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree_of(path: str) -> ast.Module | None:
    """Return a file of the program as a syntax tree, None when it cannot be read or is no Python."""
    try:
        return ast.parse(Path(absolute(path)).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None


def around(tree: ast.AST, line: int) -> list[ast.stmt]:
    """Return the statements that hold a line, outermost first."""
    statements = (n for n in ast.walk(tree) if isinstance(n, ast.stmt))
    found = [n for n in statements if n.lineno <= line <= (n.end_lineno or n.lineno)]
    return sorted(found, key=lambda n: (n.lineno, -(n.end_lineno or n.lineno), n.col_offset))


def block_of(place: Place | None) -> Place | None:
    """Return the first line of the block of evaluation calls that ``place`` lies in.

    That is the ``with no_grad()`` around it, else the outermost loop of its function that does not train, else
    the statement itself.
    """
    tree = tree_of(place.path) if place is not None else None
    if place is None or tree is None:
        return None
    chosen: ast.stmt | None = None
    for node in reversed(around(tree, place.line)):
        if isinstance(node, (*Function.__args__, ast.ClassDef)):
            break
        if isinstance(node, ast.With) and _names(node.items) & WITHOUT_GRADIENTS:
            chosen = node
            break
        if isinstance(node, Loop) and _names([node]) & {"backward", "manual_backward"}:
            break
        if chosen is None or isinstance(node, Loop):
            chosen = node
    return None if chosen is None else Place(place.path, chosen.lineno, function=place.function)


def _names(nodes: Sequence[ast.AST]) -> set[str]:
    """Return every name and attribute in some nodes."""
    inside = [n for node in nodes for n in ast.walk(node)]
    return {n.id for n in inside if isinstance(n, ast.Name)} | {n.attr for n in inside if isinstance(n, ast.Attribute)}
