"""Weights that were set by hand to what no network can train from are left at random, and biases at zero."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.inits import Init, default, inits, sets_one_of
from torchladder.patches.lines import without_block
from torchladder.patches.source import New, Source, only


def edit(case: Case) -> Edited | None:
    """Return the file in which the lines that set these layers set them as torch would."""
    modules = [str(m) for m in case.args.get("modules") or ()]
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        text = _edited(source, modules, [p.line for p in case.finding.where if p.path == path]) if source else None
        if source is not None and text is not None:
            return source, text
    return None


def _edited(source: Source, modules: list[str], lines: list[int]) -> str | None:
    """Return the text in which the layers' own lines are right, or the loop over all parameters is gone."""
    found = list(inits(source))
    named = [i for i in found if _is_at(source, i, lines)] or [i for i in found if i.loop is None]
    named = [
        i for i in named if i.loop is None and (not modules or sets_one_of(i, modules) or _is_at(source, i, lines))
    ]
    if named:
        new: dict[cst.CSTNode, New] = {}
        for init in named:
            fresh = default(source, init)
            if fresh is None:
                return None
            new[init.call] = fresh
        return source.replaced(new)
    loop = only([i for i in found if i.loop is not None])
    return without_block(source, loop.loop) if loop is not None and loop.loop is not None else None


def _is_at(source: Source, init: Init, lines: list[int]) -> bool:
    first, last = source.span(init.statement)
    return any(first <= line <= last for line in lines)
