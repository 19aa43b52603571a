"""The line that makes the model of a training program, and lines put right behind it. Not an edit."""

import re

import libcst as cst

from torchladder.patches.source import Source, only

HANDED = re.compile(r"(?:list\()?([A-Za-z_][\w.]*)\.(?:named_)?parameters\(\)\)?$")


def optimized_model(source: Source) -> str | None:
    """Return the model all of whose parameters the file's one optimizer gets."""
    makers = [c for c in source.every(cst.Call) if source.imported(c.func).startswith("torch.optim.") and c.args]
    makers = [c for c in makers if ".lr_scheduler" not in source.imported(c.func)]
    names = {m[1] for c in makers if (m := HANDED.match(source.code(c.args[0].value).strip()))}
    return only(sorted(names)) if len(makers) >= 1 else None


def making(source: Source, model: str) -> cst.SimpleStatementLine | None:
    """Return the one line that makes a model, or the last of those that follow it and put it on a device."""
    lines = [source.statement_of(a) for a in source.assigned(model)]
    simple = [s for s in lines if isinstance(s, cst.SimpleStatementLine)]
    if not simple or len(simple) != len(lines) or any(source.repeated(s) for s in simple):
        return None
    moved = [s for s in simple[1:] if f"{model}.to(" in source.code(s) or f"{model}.cuda(" in source.code(s)]
    block = source.block(simple[0])
    together = block is not None and all(s in block for s in simple)
    return simple[-1] if together and len(moved) == len(simple) - 1 else None


def behind(source: Source, statement: cst.SimpleStatementLine, text: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    """Return a statement and fresh ones behind it."""
    fresh = cst.parse_module(text, config=source.module.config_for_parsing).body
    return cst.FlattenSentinel([statement, *fresh])
