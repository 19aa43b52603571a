"""A line that sets the weights back at every epoch goes; an initialisation moves above the loop."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import calls_of
from torchladder.patches.handed_in import given_by
from torchladder.patches.lines import moved
from torchladder.patches.models import making
from torchladder.patches.out_of_loop import loop_of, outermost
from torchladder.patches.source import New, Source, only


def edit(case: Case) -> Edited | None:
    """Return the file in which weights are written before training only."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    statement = source.statement(line)
    if statement is None:
        return None
    initialiser = source.function(statement)
    applied = _applied(source, initialiser) if isinstance(initialiser, cst.FunctionDef) else None
    if applied is not None:
        text = _once(source, applied)
    elif _is_call(statement, "load_state_dict") and loop_of(source, statement) is not None:
        text = moved(source, statement)
    else:
        text = None
    return (source, text) if text else None


def _is_call(statement: cst.SimpleStatementLine, method: str) -> bool:
    small = statement.body[0] if len(statement.body) == 1 else None
    call = small.value if isinstance(small, cst.Expr) else None
    func = call.func if isinstance(call, cst.Call) else None
    return isinstance(func, cst.Attribute) and func.attr.value == method


def _applied(source: Source, initialiser: cst.FunctionDef) -> cst.SimpleStatementLine | None:
    """Return the only line ``model.apply(initialiser)``."""
    found = []
    for statement in source.every(cst.SimpleStatementLine):
        small = statement.body[0]
        call = small.value if isinstance(small, cst.Expr) else None
        if _is_call(statement, "apply") and isinstance(call, cst.Call) and len(call.args) == 1:
            given = call.args[0].value
            found += [statement] if isinstance(given, cst.Name) and given.value == initialiser.name.value else []
    return only(found)


def _once(source: Source, applied: cst.SimpleStatementLine) -> str | None:
    """Return the text with that line where it runs once: above its loop, or behind the line that makes the model."""
    if loop_of(source, applied) is not None:
        loop = outermost(source, applied)
        return moved(source, applied, before=loop) if loop is not None else None
    function = source.function(applied)
    call = only([c for c in calls_of(source, function) if isinstance(c.func, cst.Name)])
    if not isinstance(function, cst.FunctionDef) or call is None or not source.repeated(call):
        return None
    given = given_by(function, call)
    small = applied.body[0]
    assert isinstance(small, cst.Expr)
    assert isinstance(small.value, cst.Call)
    assert isinstance(small.value.func, cst.Attribute)
    model = given.get(source.code(small.value.func.value)) if given is not None else None
    line = making(source, source.code(model)) if isinstance(model, cst.Name) else None
    if line is None or source.function(line) is not source.function(call):
        return None
    assert model is not None
    text = f"{source.code(model)}.apply({source.code(small.value.args[0].value)})"
    new: dict[cst.CSTNode, New] = {
        applied: cst.RemoveFromParent(),
        line: cst.FlattenSentinel([line, source.line(text)]),
    }
    return source.replaced(new)
