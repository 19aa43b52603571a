"""The model is put into training mode before each epoch, or each step where evaluations lie between steps."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, Statement, only

MODEL_METHODS = ("eval", "train", "parameters", "to")


def edit(case: Case) -> Edited | None:
    """Return the file with ``train()`` called on the model."""
    place, asked = case.at(0), case.at(1)
    if place is None:
        return None
    source, line = place
    call = _model_call(source, line)
    loop = (
        next((n for n in source.above(call) if isinstance(n, cst.For | cst.While | cst.FunctionDef)), None)
        if call
        else None
    )
    if call is None or not isinstance(loop, cst.For | cst.While) or not isinstance(loop.body, cst.IndentedBlock):
        return None
    fresh = source.line(f"{source.code(call.func)}.train()")
    text = _placed(source, loop, fresh, _evaluates(asked, source))
    return (source, text) if text else None


def _model_call(source: Source, line: int) -> cst.Call | None:
    """Return the call of the model at a line: of something that the file treats as a model."""
    found = []
    for call in source.at(cst.Call, line):
        name = source.code(call.func)
        if isinstance(call.func, cst.Name | cst.Attribute) and any(
            f"{name}.{m}(" in source.text for m in MODEL_METHODS
        ):
            found.append(call)
    return only(found)


def _evaluates(asked: tuple[Source, int] | None, source: Source) -> list[cst.CSTNode]:
    """Return the nodes that put the model into evaluation mode: the call itself, and calls of its function."""
    if asked is None or asked[0] is not source:
        return []
    calls = [c for c in source.at(cst.Call, asked[1]) if source.code(c.func).endswith(".eval")]
    nodes: list[cst.CSTNode] = list(calls)
    owner = source.function(calls[0]) if calls else None
    if isinstance(owner, cst.FunctionDef):
        nodes += [c for c in source.every(cst.Call) if source.code(c.func).rpartition(".")[2] == owner.name.value]
    return nodes


def _placed(
    source: Source, loop: cst.For | cst.While, fresh: cst.SimpleStatementLine, evals: list[cst.CSTNode]
) -> str | None:
    """Return the text with the line at the start of the epoch: as early as no evaluation comes after it."""
    if any(loop in source.above(e) for e in evals):
        return _at_start(source, loop.body, fresh)
    function = source.function(loop)
    outer = next((n for n in source.above(loop) if isinstance(n, cst.For | cst.While | cst.FunctionDef)), None)
    if outer is None or (outer is not function and not isinstance(outer, cst.For | cst.While)):
        return source.replaced({loop: source.inserted(loop, fresh)})
    block = source.block(loop) or []
    above = block[: block.index(loop)] if loop in block else []
    early = any(s in source.above(e) for e in evals for s in above)
    at_hand = outer is not function or _is_given(source, function, fresh)
    if early or not at_hand or source.parent(loop) is not outer.body:
        return source.replaced({loop: source.inserted(loop, fresh)})
    return _at_start(source, outer.body, fresh)


def _is_given(source: Source, function: object, fresh: cst.SimpleStatementLine) -> bool:
    """Tell whether the model is at hand when the function begins."""
    head = source.code(fresh).strip().partition(".")[0]
    if not isinstance(function, cst.FunctionDef):
        return False
    bound = any(
        isinstance(t.target, cst.Name) and t.target.value == head
        for t in source.every(cst.AssignTarget, inside=function)
    )
    return not bound


def _at_start(source: Source, body: cst.BaseSuite, fresh: cst.SimpleStatementLine) -> str | None:
    """Return the text with a line at the start of a block, behind its docstring."""
    if not isinstance(body, cst.IndentedBlock):
        return None
    first = body.body[0]
    if isinstance(first, cst.SimpleStatementLine) and isinstance(first.body[0], cst.Expr):
        documented = isinstance(first.body[0].value, cst.SimpleString | cst.ConcatenatedString)
        if documented:
            return source.replaced({first: cst.FlattenSentinel([first, fresh])})
    if not isinstance(first, Statement):
        return None
    return source.replaced({first: source.inserted(first, fresh)})
