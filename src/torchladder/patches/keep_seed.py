"""The seed is set once, above the loop; where it is set above already, the line in the loop goes."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import calls_of
from torchladder.patches.lines import moved
from torchladder.patches.out_of_loop import loop_of, moved_before, outermost
from torchladder.patches.source import Source, only

SEEDS = re.compile(r"seed|deterministic|benchmark|PYTHONHASHSEED", re.IGNORECASE)


def edit(case: Case) -> Edited | None:
    """Return the file in which the loop does not set the seed."""
    site = case.site()
    line = site[0].statement(site[1]) if site is not None else None
    if site is None or line is None:
        return None
    source = site[0]
    statement = _repeated(source, line)
    if statement is None or not _is_call(statement) or not SEEDS.search(source.code(statement)):
        return None
    loop = loop_of(source, statement)
    if loop is not None:
        loop = outermost(source, statement)
        text = moved_before(source, statement, loop) if loop is not None else None
    else:
        text = _without(source, statement)
    return (source, text) if text else None


def _repeated(source: Source, line: cst.SimpleStatementLine) -> cst.SimpleStatementLine | None:
    """Return the statement that is to run once: the line, or the only call in a loop of a function that seeds."""
    function = source.function(line)
    if loop_of(source, line) is not None or not isinstance(function, cst.FunctionDef):
        return line
    body = function.body.body[function.get_docstring() is not None :]
    if not all(isinstance(s, cst.BaseStatement) and SEEDS.search(source.code(s)) for s in body):
        return line
    statements = [source.statement_of(c) for c in calls_of(source, function)]
    return only([s for s in statements if isinstance(s, cst.SimpleStatementLine) and loop_of(source, s) is not None])


def _is_call(statement: cst.SimpleStatementLine) -> bool:
    """Tell whether a statement is one call whose arguments are written out, or are plain names."""
    small = statement.body[0] if len(statement.body) == 1 else None
    call = small.value if isinstance(small, cst.Expr) else None
    plain = cst.Name | cst.Attribute | cst.Integer
    return isinstance(call, cst.Call) and all(isinstance(a.value, plain) and not a.star for a in call.args)


def _without(source: Source, statement: cst.SimpleStatementLine) -> str | None:
    """Return the text without a line of a function that epochs call, if the file sets the same seed at its start."""
    function = source.function(statement)
    if _passed(source, function) & {n.value for n in source.every(cst.Name, inside=statement)}:
        return None
    (small,) = statement.body
    assert isinstance(small, cst.Expr)
    assert isinstance(small.value, cst.Call)
    setter = source.code(small.value.func)
    others = [c for c in source.every(cst.Call) if source.code(c.func) == setter and c is not small.value]
    first = [c for c in others if not source.repeated(c) and _at_start(source, c)]
    return moved(source, statement) if first and function is not None else None


def _passed(source: Source, function: cst.CSTNode | None) -> set[str]:
    """Return the parameters of a function that its callers pass: not those that keep their default everywhere."""
    if not isinstance(function, cst.FunctionDef):
        return set()
    calls = calls_of(source, function)
    keywords = {a.keyword.value for c in calls for a in c.args if a.keyword is not None}
    most = max((len(c.args) for c in calls), default=0)
    starred = any(a.star for c in calls for a in c.args)
    parameters = enumerate(source.every(cst.Param, inside=function.params))
    return {p.name.value for i, p in parameters if p.default is None or starred or i < most or p.name.value in keywords}


def _at_start(source: Source, call: cst.Call) -> bool:
    """Tell whether a call runs when the program starts: outside functions, or in one that is called there once."""
    function = source.function(call)
    if function is None:
        return True
    calls = calls_of(source, function)
    return len(calls) == 1 and source.function(calls[0]) is None and not source.repeated(calls[0])
