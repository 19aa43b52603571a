"""What a function makes anew at each call, made once by its caller and handed in. Not an edit."""

import libcst as cst

from torchladder.patches.evaluating import Loop, bound, calls_of
from torchladder.patches.out_of_loop import ANEW
from torchladder.patches.source import New, Source, is_plain, keyword, only


def handed_in(source: Source, statement: cst.SimpleStatementLine, name: str, value: cst.Call) -> str | None:
    """Return the text in which a statement of a function that one loop calls stands above that loop.

    Args:
        source: The file.
        statement: Assigns ``value`` to ``name``, in the function's own block.
        name: Becomes the function's last parameter.
        value: Is made of parameters, and of what every function can see.
    """
    function = source.function(statement)
    call = only(calls_of(source, function))
    if not isinstance(function, cst.FunctionDef) or call is None or source.parent(statement) is not function.body:
        return None
    given = given_by(function, call)
    if given is None or not name.isidentifier():
        return None
    inside, caller = _names(source, value), source.function(call) or source.module
    needed = {n for used in inside & given.keys() for n in _names(source, given[used])}
    loop = _outermost(source, call, needed)
    if loop is None or name in _names(source, caller) or inside & bound(source, function):
        return None
    text = _substituted(source, value, given)
    last = keyword(name, cst.Name(name)) if any(a.keyword for a in call.args) else cst.Arg(cst.Name(name))
    called = call.with_changes(args=[*call.args, last])
    above = source.line(f"{name} = {text}")
    params = function.params.with_changes(params=[*function.params.params, cst.Param(cst.Name(name))])
    around = loop.deep_replace(call, called)
    assert isinstance(around, cst.For | cst.While)
    return source.replaced({
        function.params: params,
        statement: cst.RemoveFromParent(),
        loop: source.inserted(around, above),
    })


def given_by(function: cst.FunctionDef, call: cst.Call) -> dict[str, cst.BaseExpression] | None:
    """Return what a call passes for each parameter, None where that is not plain to see."""
    takes = function.params
    if takes.kwonly_params or takes.posonly_params or takes.star_kwarg or function.decorators or not is_plain(call):
        return None
    if isinstance(takes.star_arg, cst.Param) or any(p.default is not None for p in takes.params):
        return None
    names = [p.name.value for p in takes.params]
    if len(call.args) != len(names) or not isinstance(call.func, cst.Name):
        return None
    return {a.keyword.value if a.keyword else names[i]: a.value for i, a in enumerate(call.args)}


def _outermost(source: Source, call: cst.Call, needed: set[str]) -> Loop | None:
    """Return the outermost loop around a call, None where it binds what is needed or begins something anew."""
    loops = []
    for up in source.above(call):
        if isinstance(up, cst.FunctionDef | cst.Lambda):
            break
        if isinstance(up, cst.For | cst.While):
            loops.append(up)
    if not loops or ANEW.search(source.code(loops[-1])) or needed & bound(source, loops[-1]):
        return None
    return loops[-1]


def _read(source: Source, node: cst.CSTNode) -> list[cst.Name]:
    """Return the names that an expression reads: neither attributes nor keywords."""
    apart: set[cst.CSTNode] = {a.attr for a in source.every(cst.Attribute, inside=node)}
    apart |= {a.keyword for a in source.every(cst.Arg, inside=node) if a.keyword is not None}
    return [n for n in source.every(cst.Name, inside=node) if n not in apart]


def _names(source: Source, node: cst.CSTNode) -> set[str]:
    return {n.value for n in _read(source, node)}


def _substituted(source: Source, value: cst.Call, given: dict[str, cst.BaseExpression]) -> str:
    """Return an expression's text with the caller's expressions for the parameters."""
    new: dict[cst.CSTNode, New] = {}
    for node in _read(source, value):
        if node.value in given:
            new[node] = source.operand(given[node.value], node)
    return source.substituted(value, new)
