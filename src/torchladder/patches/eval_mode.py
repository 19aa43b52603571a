"""The model is put into evaluation mode before it is evaluated, and back where nothing else does that."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import (
    Loop,
    backward_calls,
    bound,
    evaluates_only,
    is_shared,
    loops_around,
    model_call,
    region,
    trains,
)
from torchladder.patches.mode_flag import by_flag
from torchladder.patches.source import Source, Statement, only


def edit(case: Case) -> Edited | None:
    """Return the file with ``eval()`` called on the model: where its function starts, else before the evaluation."""
    found = model_call(case)
    if found is None:
        return None
    source, call = found
    name = source.code(call.func)
    function = source.function(call)
    back = not _goes_on_training(source, call)
    flagged = by_flag(source, function, name)
    if flagged is not None:
        return source, flagged
    if is_shared(source, function) or (back and _partly_evaluated(source, name)):
        return None
    if _is_called(source, call, f"{name}.eval"):
        return None  # then something undoes it
    forgotten = _named_only(source, function, f"{name}.eval")
    if forgotten is not None and not back:
        text = source.replaced({forgotten: source.expression(f"{name}.eval()")})
    elif isinstance(function, cst.FunctionDef) and evaluates_only(source, function, call):
        text = _in_function(source, function, name, back=back)
    else:
        text = _inline(source, call, name, back=back)
    return (source, text) if text else None


def _is_called(source: Source, call: cst.Call, method: str) -> bool:
    """Tell whether the method is called already, in the function or right above the lines that evaluate."""
    function = source.function(call)
    if function is not None:
        return any(source.code(c.func) == method for c in source.every(cst.Call, inside=function) if c is not call)
    top = region(source, call)
    block = (source.block(top) if top is not None else None) or []
    above = block[: block.index(top)] if top in block else []
    return any(source.code(s).strip() == f"{method}()" for s in above)


def _named_only(source: Source, function: cst.CSTNode | None, method: str) -> cst.BaseExpression | None:
    """Return a statement that names the method without calling it, if the evaluation has one."""
    found = [e.value for e in source.every(cst.Expr, inside=function) if source.code(e.value) == method]
    return only(found)


def _in_function(source: Source, function: cst.FunctionDef, name: str, *, back: bool) -> str | None:
    """Return the text with ``eval()`` behind the docstring of a function, and ``train()`` before its end."""
    body = list(function.body.body) if isinstance(function.body, cst.IndentedBlock) else []
    documented = function.get_docstring() is not None
    if len(body) <= documented or not isinstance(body[documented], Statement) or trains(source, function):
        return None
    first, last = body[documented], body[-1]
    assert isinstance(first, Statement)
    fresh, after = source.line(f"{name}.eval()"), source.line(f"{name}.train()")
    if not back:
        return source.replaced({first: source.inserted(first, fresh)})
    returns = list(source.every(cst.Return, inside=function))
    if not returns and last is not first and isinstance(last, Statement):
        return source.replaced({first: source.inserted(first, fresh), last: cst.FlattenSentinel([last, after])})
    plain = isinstance(last, cst.SimpleStatementLine) and len(returns) == 1 and returns[0] in last.body
    if not plain or last is first or f"{name}(" in source.code(last) or not isinstance(last, Statement):
        return None
    return source.replaced({first: source.inserted(first, fresh), last: source.inserted(last, after)})


def _inline(source: Source, call: cst.Call, name: str, *, back: bool) -> str | None:
    """Return the text with ``eval()`` before the loop, the ``with`` or the line that evaluates."""
    top = region(source, call)
    if top is None or name.partition(".")[0] in bound(source, top):
        return None
    fresh, after = source.line(f"{name}.eval()"), source.line(f"{name}.train()")
    before = list(source.inserted(top, fresh))
    return source.replaced({top: cst.FlattenSentinel([*before, after] if back else before)})


def _goes_on_training(source: Source, call: cst.Call) -> bool:
    """Tell whether every loop that evaluates and then trains puts the model into training mode in between."""
    modes = [c for c in source.every(cst.Call) if isinstance(c.func, cst.Attribute) and c.func.attr.value == "train"]
    passes = _positions(source, backward_calls(source))
    resets = _positions(source, [c for c in modes if not _switched_off(source, c)])
    for loop, here in loops_around(source, call):
        if loop not in passes:
            continue
        if loop not in resets or not _in_between(loop, here, resets[loop], passes[loop]):
            return False
    return True


def _switched_off(source: Source, call: cst.Call) -> bool:
    return bool(call.args) and source.code(call.args[0].value) != "True"


def _positions(source: Source, calls: list[cst.Call]) -> dict[Loop, list[cst.CSTNode]]:
    """Return, for every loop in which calls run, the statements of its body in which they do."""
    found: dict[Loop, list[cst.CSTNode]] = {}
    for call in calls:
        for loop, statement in loops_around(source, call):
            found.setdefault(loop, []).append(statement)
    return found


def _in_between(loop: Loop, here: cst.CSTNode, resets: list[cst.CSTNode], passes: list[cst.CSTNode]) -> bool:
    """Tell whether, going round a loop from the evaluation, training mode comes before the next backward pass."""
    body: list[cst.CSTNode] = list(loop.body.body) if isinstance(loop.body, cst.IndentedBlock) else []
    if any(s not in body for s in (here, *resets, *passes)):
        return False
    start, n = body.index(here), len(body)

    def distance(statement: cst.CSTNode) -> int:
        return (body.index(statement) - start) % n or n

    return min(map(distance, resets)) <= min(map(distance, passes))


def _partly_evaluated(source: Source, name: str) -> bool:
    """Tell whether parts of the model are kept in evaluation mode, which ``train()`` would end."""
    modes = [source.code(c.func) for c in source.every(cst.Call)]
    return any(m.startswith(f"{name}.") and m.endswith(".eval") and m != f"{name}.eval" for m in modes)
