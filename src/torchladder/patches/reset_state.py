"""A recurrent layer, or the model, begins each batch without the state of the batch before."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import backward_calls, bound, is_model
from torchladder.patches.lines import moved
from torchladder.patches.source import Source, Statement, only

LAYERS = {"RNN", "GRU", "LSTM"}


def edit(case: Case) -> Edited | None:
    """Return the file without the layer's second argument, or with the first state made in the batch loop."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    text = _begun_in_loop(source, line) if case.args.get("whole") else _without_state(source, line)
    return (source, text) if text else None


def _without_state(source: Source, line: int) -> str | None:
    """Return the text in which a layer of torch's is given its input alone."""
    call = only([c for c in source.at(cst.Call, line) if _is_layer(source, c)])
    if call is None or len(call.args) != 2 or any(a.star for a in call.args):  # noqa: PLR2004 - input and state
        return None
    function, state = source.function(call), call.args[1].value
    given = {p.name.value for p in function.params.params} if isinstance(function, cst.FunctionDef) else set()
    if not isinstance(state, cst.Name | cst.Attribute) or source.code(state) in given:
        return None  # a caller's state may be meant, as in generating text
    first = call.args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return source.replaced({call: call.with_changes(args=[first])})


def _is_layer(source: Source, call: cst.Call) -> bool:
    """Tell whether a call is that of a recurrent layer which the file makes."""
    made = only(source.assigned(source.code(call.func)))
    value = made.value if made is not None else None
    return isinstance(value, cst.Call) and source.torch_name(value.func) in LAYERS


def _begun_in_loop(source: Source, line: int) -> str | None:
    """Return the text with the line that makes the first state at the start of the loop over the batches."""
    statement = source.statement(line)
    loop = source.enclosing(statement, cst.For) if statement is not None else None
    trains = any(source.enclosing(c, cst.For) is loop for c in backward_calls(source)) if loop is not None else False
    if statement is None or loop is None or not trains or not isinstance(loop.body, cst.IndentedBlock):
        return None
    call = only([c for c in source.at(cst.Call, line) if is_model(source, c)])
    given = {n.value for a in (call.args[1:] if call is not None else ()) for n in source.every(cst.Name, inside=a)}
    states = [n for n in given & bound(source, statement) if n.isidentifier()]
    first = only([a for n in states for a in source.assigned(n) if loop not in source.above(a)])
    begun = source.statement_of(first) if first is not None else None
    if not isinstance(begun, cst.SimpleStatementLine) or source.function(begun) is not source.function(loop):
        return None
    start = loop.body.body[0]
    if len(begun.body) != 1 or begun is start or not isinstance(start, Statement):
        return None
    return moved(source, begun, before=start) if source.span(begun)[1] < source.span(loop)[0] else None
