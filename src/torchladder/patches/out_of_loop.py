"""A statement that is to run once, moved out of the loops that repeat it. Not an edit."""

import re

import libcst as cst

from torchladder.patches.evaluating import Loop, bound
from torchladder.patches.lines import moved
from torchladder.patches.source import Source

ANEW = re.compile(r"load_state_dict|reset|init|deepcopy|\.apply\(|requires_grad|add_module|del ")


def loop_of(source: Source, statement: cst.SimpleStatementLine) -> Loop | None:
    """Return the loop whose body a statement stands in directly."""
    up = source.parent(source.parent(statement) or statement)
    return up if isinstance(up, cst.For | cst.While) and source.parent(statement) is up.body else None


def outermost(source: Source, statement: cst.SimpleStatementLine) -> Loop | None:
    """Return the outermost loop out of which a statement can be taken, None when it needs what the loop binds.

    A loop that begins something anew in its own body, such as the folds of a cross-validation, is not left.
    """
    needed = {n.value for n in source.every(cst.Name, inside=_value(statement))}
    loop, found = loop_of(source, statement), None
    while loop is not None:
        inner = found
        others = [s for s in _body(loop) if s is not statement and s is not inner]
        fresh = {name for s in others for name in bound(source, s)} | _targets(source, loop)
        if needed & {name.partition(".")[0] for name in fresh} or any(ANEW.search(source.code(s)) for s in others):
            break
        found = loop
        up = source.parent(source.parent(loop) or loop)
        loop = up if isinstance(up, cst.For | cst.While) and source.parent(loop) is up.body else None
    return found


def moved_before(source: Source, statement: cst.SimpleStatementLine, loop: Loop) -> str | None:
    """Return the text with a statement above a loop; gone from it, where one like it is above already."""
    text = _bare(source, statement)
    above = [
        s
        for s in source.every(cst.SimpleStatementLine)
        if source.span(s)[1] < source.span(loop)[0] and _bare(source, s) == text
    ]
    known = any(source.function(s) in {None, source.function(statement)} and not source.repeated(s) for s in above)
    return moved(source, statement) if known else moved(source, statement, before=loop)


def _bare(source: Source, statement: cst.SimpleStatementLine) -> str:
    return source.code(statement.with_changes(leading_lines=[], trailing_whitespace=cst.TrailingWhitespace())).strip()


def _value(statement: cst.SimpleStatementLine) -> cst.CSTNode:
    """Return what a statement computes: the value that it assigns, or all of it."""
    small = statement.body[0]
    return small.value if isinstance(small, cst.Assign) else statement


def _body(loop: Loop) -> list[cst.BaseStatement]:
    return [s for s in loop.body.body if isinstance(s, cst.BaseStatement)]


def _targets(source: Source, loop: Loop) -> set[str]:
    return {n.value for n in source.every(cst.Name, inside=loop.target)} if isinstance(loop, cst.For) else set()
