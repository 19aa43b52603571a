"""The sign of a loss that climbs where it is to descend. Not an edit."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only


def turned(case: Case) -> Edited | None:
    """Return the file that minimises what it maximised: by the optimizer's flag, or by the sign of the loss."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    if "maximize" in case.fix.title:
        flags = [a for a in source.every(cst.Arg) if a.keyword is not None and a.keyword.value == "maximize"]
        flag = only([a for a in flags if source.code(a.value) == "True"])
        text = source.replaced({flag.value: source.expression("False")}) if flag is not None else None
    else:
        text = _negated(case, source, line)
    return (source, text) if text else None


def _negated(case: Case, source: Source, line: int) -> str | None:
    """Return the text with the other sign where the differentiated loss is assigned, or right in its backward."""
    backward = case.at(len(case.finding.where) - 1)
    calls = [c for c in source.at(cst.Call, backward[1]) if _is_backward(c)] if backward is not None else []
    call = only(calls)
    func = call.func if call is not None else None
    of = func.value if isinstance(func, cst.Attribute) else None
    if of is None or backward is None or backward[0] is not source:
        return None
    if isinstance(of, cst.UnaryOperation) and isinstance(of.operator, cst.Minus):
        return source.replaced({of: source.expression(source.atom(of.expression))})
    statement = source.statement(line)
    small = statement.body[0] if statement is not None and len(statement.body) == 1 else None
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    if source.code(small.targets[0].target).strip() != source.code(of):
        return None
    value = small.value
    if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
        return source.replaced({value: source.operand(value.expression, value)})
    return source.replaced({value: source.expression(f"-{source.atom(value)}")})


def _is_backward(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == "backward" and not call.args
