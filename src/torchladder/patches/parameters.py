"""The optimizer of a step, and how its parameters are written. Not an edit."""

import re

import libcst as cst

from torchladder.patches.source import Source, only
from torchladder.patches.steps import optimizer_at, visible


def stepped(source: Source, line: int) -> tuple[cst.SimpleStatementLine, str] | None:
    """Return the statement that steps an optimizer, and the optimizer: at a line, or the only one of its block."""
    statement = source.statement(line)
    if statement is None:
        return None
    name = optimizer_at(source, line)
    if name is not None:
        return None if _is_schedule(source, name) else (statement, name)
    function = source.function(statement)
    around = function if function is not None else source.module
    steps = []
    for other in source.every(cst.SimpleStatementLine, inside=around):
        found = optimizer_at(source, source.span(other)[0]) if ".step(" in source.code(other) else None
        if found is not None and made(source, found) is not None and source.function(other) is function:
            steps.append((other, found))
    return only(steps)


def _is_schedule(source: Source, name: str) -> bool:
    """Tell whether a name is given to a scheduler, which steps as an optimizer does."""
    values = [a.value for a in source.assigned(name)]
    return any(isinstance(v, cst.Call) and ".lr_scheduler." in source.imported(v.func) for v in values)


def made(source: Source, optimizer: str) -> cst.Call | None:
    """Return the call that makes the optimizer of a name, when every assignment to it is the same."""
    names = {optimizer, optimizer.removeprefix("self.")}
    values = [a.value for name in names for a in source.assigned(name)]
    calls = [v for v in values if isinstance(v, cst.Call) and source.imported(v.func).startswith("torch.optim.")]
    same = {source.code(c) for c in calls}
    return calls[0] if len(same) == 1 and len(calls) == len(values) else None


def parameters_of(source: Source, optimizer: str, at: cst.CSTNode) -> str:
    """Return an expression for all tensors that an optimizer holds, short where the file allows it."""
    call = made(source, optimizer)
    given = source.code(call.args[0].value) if call is not None and call.args else ""
    if re.fullmatch(r"[A-Za-z_][\w.]*\.parameters\(\)", given) and visible(source, given, at):
        return given
    return f'[p for group in {optimizer}.param_groups for p in group["params"]]'
