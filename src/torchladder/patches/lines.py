"""Whole lines taken out or put elsewhere, all others and their comments left as they are. Not an edit."""

import libcst as cst

from torchladder.patches.source import Source, Statement, compiles


def moved(
    source: Source,
    statement: cst.SimpleStatementLine,
    *,
    before: Statement | None = None,
    behind: Statement | None = None,
) -> str | None:
    """Return the text with a statement's lines before or behind another statement, as far indented as that.

    Without either they are gone. None where they are not the statement's own, or what is left is no program.
    """
    lines = source.text.splitlines(keepends=True)
    first, last = source.span(statement)
    taken = lines[first - 1 : last]
    many = any("\n" in source.code(s) for s in source.every(cst.BaseString, inside=statement))  # type: ignore[type-abstract]
    if many or not isinstance(source.parent(statement), cst.IndentedBlock | cst.Module) or not taken[-1].endswith("\n"):
        return None
    target = before if before is not None else behind
    if target is not None:
        deep = _indent(lines[source.span(target)[0] - 1])
        own = len(_indent(taken[0]))
        taken = [deep + line[own:] if line[:own].isspace() or not own else line for line in taken]
    at = source.span(before)[0] - 1 if before is not None else source.span(behind)[1] if behind is not None else None
    rest: list[str] = []
    for i, line in enumerate(lines):
        rest += taken if i == at else []
        rest += [] if first - 1 <= i < last else [line]
    if at == len(lines):
        if rest and not rest[-1].endswith("\n"):
            return None
        rest += taken
    text = "".join(rest)
    return text if text != source.text and compiles(text) else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def without_block(source: Source, block: cst.BaseCompoundStatement) -> str | None:
    """Return the text without a compound statement, None where what is left is no program."""
    lines = source.text.splitlines(keepends=True)
    first, last = source.span(block)
    text = "".join([*lines[: first - 1], *lines[last:]])
    return text if compiles(text) else None


def without_last(source: Source, item: cst.CSTNode, before: cst.CSTNode | None) -> str | None:
    """Return the text without the last item of a list, where that leaves all other lines as they are.

    Args:
        source: The file.
        item: Begins a line of its own.
        before: The item before it; with a remark behind it, a bracket that closes on the last line stays on that.
    """
    lines = source.text.splitlines(keepends=True)
    first, last = source.span(item)
    start, end = source.columns(item)
    rest = lines[last - 1][end:].lstrip(" \t").removeprefix(",").lstrip(" \t")
    if not lines[first - 1][:start].isspace():
        return None
    alone = not rest.strip() or rest.startswith("#")
    remarked = before is not None and "#" in lines[source.span(before)[1] - 1][source.columns(before)[1] :]
    if not alone and not remarked:
        return None
    kept = [] if alone else [lines[first - 1][:start] + rest]
    text = "".join([*lines[: first - 1], *kept, *lines[last:]])
    return text if compiles(text) else None
