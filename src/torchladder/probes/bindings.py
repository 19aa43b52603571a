"""Where names and labels come from, read off the program's source: lines that a run does not lead to."""

import ast
from collections.abc import Iterator
from typing import Any

from torch.utils.data import Subset

from torchladder.core.findings import Place
from torchladder.probes.blocks import Function, around, tree_of
from torchladder.runner.place import is_user_code, relative


def given_to(place: Place | None) -> Place | None:
    """Return the line that last gave a value to a name which a call on a line is given.

    Only names of the same function or of the file, and none that a loop or a parameter brings.
    """
    tree = tree_of(place.path) if place is not None else None
    if place is None or tree is None:
        return None
    around_it = around(tree, place.line)
    if not around_it:
        return None
    scopes = [n for n in around_it if isinstance(n, Function.__args__)]
    scope: ast.AST = scopes[-1] if scopes else tree
    calls = [n for n in ast.walk(around_it[-1]) if isinstance(n, ast.Call) and n.lineno <= place.line]
    names = [a.id for c in calls for a in c.args if isinstance(a, ast.Name)]
    bound = {n.id for s in ast.walk(scope) if isinstance(s, ast.For | ast.comprehension) for n in _names(s.target)}
    for name in names:
        lines = [line for line in _assigned(scope, name) if line < place.line]
        if lines and name not in bound:
            return Place(place.path, max(lines))
    return None


def _assigned(scope: ast.AST, name: str) -> Iterator[int]:
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Constant):
            continue
        if any(n.id == name for t in node.targets for n in _names(t)):
            yield node.lineno


def _names(target: ast.AST) -> Iterator[ast.Name]:
    return (n for n in ast.walk(target) if isinstance(n, ast.Name))


def shifting_line(loader: Any) -> Place | None:
    """Return the line of a data set or a collate function that cuts a sequence one place later, if one does."""
    data = loader.dataset
    while isinstance(data, Subset):
        data = data.dataset
    functions = [getattr(type(data), "__getitem__", None), getattr(type(data), "__iter__", None), loader.collate_fn]
    for function in functions:
        code = getattr(function, "__code__", None)
        if code is None or not is_user_code(code.co_filename):
            continue
        path = relative(code.co_filename)
        tree = tree_of(path)
        here = around(tree, code.co_firstlineno) if tree is not None else []
        for node in ast.walk(here[-1]) if here else ():
            if isinstance(node, ast.Slice) and node.lower is not None and _is_one_later(node.lower):
                return Place(path, node.lineno)
    return None


def _is_one_later(lower: ast.expr) -> bool:
    """Tell whether a slice begins at 1, or at something plus 1."""
    one = lower.right if isinstance(lower, ast.BinOp) and isinstance(lower.op, ast.Add) else lower
    return isinstance(one, ast.Constant) and one.value == 1
