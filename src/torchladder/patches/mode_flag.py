"""The mode of a model in a function that trains or evaluates as its caller says. Not an edit."""

import libcst as cst

from torchladder.patches.evaluating import bound
from torchladder.patches.source import Source, Statement, only


def by_flag(source: Source, function: cst.CSTNode | None, name: str) -> str | None:
    """Return the text with ``model.train(flag)`` at the start of a function whose flag guards every backward pass."""
    if not isinstance(function, cst.FunctionDef) or not isinstance(function.body, cst.IndentedBlock):
        return None
    calls = [source.code(c.func).rpartition(".")[2] for c in source.every(cst.Call, inside=function)]
    if "train" in calls or "eval" in calls:
        return None
    passes = [c for c in source.every(cst.Call, inside=function) if source.code(c.func).endswith("backward")]
    tests = {source.code(t) for c in passes for t in [_guard(source, function, c)] if t is not None}
    test = only(sorted(tests))
    guarded = all(_guard(source, function, c) is not None for c in passes)
    first = function.body.body[function.get_docstring() is not None :][:1]
    if test is None or not guarded or not first or not isinstance(first[0], Statement):
        return None
    if name.partition(".")[0] not in {p.name.value for p in function.params.params}:
        return None
    return source.replaced({first[0]: source.inserted(first[0], source.line(f"{name}.train({test})"))})


def _guard(source: Source, function: cst.FunctionDef, call: cst.Call) -> cst.BaseExpression | None:
    """Return the condition of a backward pass that speaks of a parameter alone: ``train``, ``opt is not None``."""
    given = {p.name.value for p in function.params.params} - bound(source, function)
    for up in source.above(call):
        if up is function:
            return None
        if isinstance(up, cst.If) and up.body in source.above(call):
            test = up.test
            plain = isinstance(test, cst.Name) and test.value in given
            left = source.code(test).removesuffix(" is not None")
            if plain or (left in given and left != source.code(test)):
                return test
    return None
