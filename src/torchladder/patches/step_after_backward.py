"""The optimizer steps after the backward pass: a new line, or the step that stood outside the loop."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source
from torchladder.patches.steps import after_clipping, call_on, receiver, runs_backward, visible


def edit(case: Case) -> Edited | None:
    """Return the file with a step for every backward pass."""
    first, second = case.at(0), case.at(1)
    if first is None or second is None or first[0] is not second[0]:
        return None
    source, line = first
    statement, other = source.statement(line), source.statement(second[1])
    if statement is None or other is None:
        return None
    if runs_backward(statement):
        text = _added(source, statement, other)
    elif call_on(statement, "step") and runs_backward(other):
        text = _moved(source, statement, other)
    else:
        text = None
    return (source, text) if text else None


def _added(source: Source, backward: cst.SimpleStatementLine, created: cst.SimpleStatementLine) -> str | None:
    """Return the text with a step where there was none, by the name that the optimizer is assigned to."""
    small = created.body[0]
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    name = source.code(small.targets[0].target).strip()
    function = source.function(backward)
    cleared = f"{name}.zero_grad(" in source.code(function if function else source.module)
    if not all(part.isidentifier() for part in name.split(".")) or not cleared or not visible(source, name, backward):
        return None
    return _behind(source, backward, source.line(f"{name}.step()"))


def _moved(source: Source, step: cst.SimpleStatementLine, backward: cst.SimpleStatementLine) -> str | None:
    """Return the text with the step taken from where it stands to the backward pass."""
    call = call_on(step, "step")
    if call is None or call.args or receiver(source, call) is None:
        return None
    if source.function(step) is not source.function(backward) or source.parent(step) is source.parent(backward):
        return None
    last = after_clipping(source, backward)
    if not isinstance(last, cst.SimpleStatementLine):
        return None
    moved = step.with_changes(leading_lines=[])
    return source.replaced({step: cst.RemoveFromParent(), last: cst.FlattenSentinel([last, moved])})


def _behind(source: Source, backward: cst.SimpleStatementLine, fresh: cst.SimpleStatementLine) -> str | None:
    last = after_clipping(source, backward)
    return source.replaced({last: cst.FlattenSentinel([last, fresh])}) if last else None
