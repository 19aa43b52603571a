"""The statements of a training step: backward, step, zero_grad, clipping. Not an edit."""

import libcst as cst

from torchladder.patches.source import Source, only


def call_on(statement: cst.BaseStatement | None, method: str) -> cst.Call | None:
    """Return the call of a method that is the whole of a statement, None when there is more or less."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    small = statement.body[0]
    call = small.value if isinstance(small, cst.Expr | cst.Assign) else None
    named = isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == method
    return call if named and isinstance(call, cst.Call) else None


def receiver(source: Source, call: cst.Call) -> str | None:
    """Return the text of what a method is called on, if that is a name or an attribute."""
    value = call.func.value if isinstance(call.func, cst.Attribute) else None
    dotted = value
    while isinstance(dotted, cst.Attribute):
        dotted = dotted.value
    return source.code(value) if value is not None and isinstance(dotted, cst.Name) else None


def optimizer_at(source: Source, line: int) -> str | None:
    """Return the text of the optimizer that steps at a line, ``scaler.step(optimizer)`` included."""
    call = only([
        c for c in source.at(cst.Call, line) if isinstance(c.func, cst.Attribute) and c.func.attr.value == "step"
    ])
    if call is None or len(call.args) > 1:
        return None
    if not call.args:
        return receiver(source, call)
    given = call.args[0].value
    by_scaler = "scaler" in (receiver(source, call) or "").lower()
    return source.code(given) if by_scaler and isinstance(given, cst.Name | cst.Attribute) else None


def runs_backward(statement: cst.BaseStatement) -> bool:
    """Tell whether a statement is a backward pass."""
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(s, cst.Expr)
        and isinstance(s.value, cst.Call)
        and isinstance(s.value.func, cst.Attribute)
        and s.value.func.attr.value in {"backward", "manual_backward"}
        for s in statement.body
    )


def first_pass(source: Source, block: list[cst.BaseStatement], end: int) -> cst.SimpleStatementLine | None:
    """Return the first backward pass of a block before a position and after the step before that, if any."""
    start = next((i + 1 for i in reversed(range(end)) if ".step(" in source.code(block[i])), 0)
    found = next((s for s in block[start:end] if runs_backward(s)), None)
    return found if isinstance(found, cst.SimpleStatementLine) else None


def after_clipping(source: Source, backward: cst.SimpleStatementLine) -> cst.BaseStatement | None:
    """Return the last statement of a backward pass: itself, or the clipping that follows it."""
    block = source.block(backward)
    if block is None:
        return None
    last: cst.BaseStatement = backward
    for statement in block[block.index(backward) + 1 :]:
        text = source.code(statement)
        simple = isinstance(statement, cst.SimpleStatementLine)
        if not simple or not ("clip_grad" in text or "unscale_" in text):
            break
        last = statement
    return last


def visible(source: Source, name: str, node: cst.CSTNode) -> bool:
    """Tell whether a name is used by the function (or method's class) that a node belongs to."""
    head = name.partition(".")[0]
    function = source.function(node)
    if function is None:
        return True
    if head == "self":
        return source.class_of(function) is not None
    return any(n.value == head for n in source.every(cst.Name, inside=function))
