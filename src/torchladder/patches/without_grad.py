"""The evaluation records no graphs: its function is decorated, or its lines stand under ``with torch.no_grad()``."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import NO_GRAD, evaluates_only, is_no_grad, is_shared, model_call, region
from torchladder.patches.source import Source, Statement

DIFFERENTIATES = re.compile(r"requires_grad|enable_grad|set_grad_enabled|\bgrad\(|vjp|jacobian|hessian")


def edit(case: Case) -> Edited | None:
    """Return the file in which the evaluation records nothing."""
    found = model_call(case)
    if found is None:
        return None
    source, call = found
    name = source.spelled("torch.no_grad")
    function = source.function(call)
    inside = any(isinstance(up, cst.With) and is_no_grad(source, up) for up in source.above(call))
    if name is None or inside or is_shared(source, function):
        return None
    if function is not None and DIFFERENTIATES.search(source.code(function)):
        return None
    if isinstance(function, cst.FunctionDef) and evaluates_only(source, function, call):
        text = _decorated(source, function, name)
    else:
        text = _wrapped(source, region(source, call), name)
    return (source, text) if text else None


def _decorated(source: Source, function: cst.FunctionDef, name: str) -> str | None:
    """Return the text with a function under ``@torch.no_grad()``."""
    generator = next(source.every(cst.Yield, inside=function), None)
    known = any(
        isinstance(d.decorator, cst.Call) and source.torch_name(d.decorator.func) in NO_GRAD
        for d in function.decorators
    )
    if generator is not None or known:
        return None
    fresh = cst.Decorator(source.expression(f"{name}()"))
    return source.replaced({function: function.with_changes(decorators=[*function.decorators, fresh])})


def _wrapped(source: Source, top: Statement | None, name: str) -> str | None:
    """Return the text with a statement inside a ``with`` block, what stands above it above the block."""
    if top is None or DIFFERENTIATES.search(source.code(top)):
        return None
    body = cst.IndentedBlock(body=[top.with_changes(leading_lines=[])])
    item = cst.WithItem(source.expression(f"{name}()"))
    return source.replaced({top: cst.With(items=[item], body=body, leading_lines=top.leading_lines)})
