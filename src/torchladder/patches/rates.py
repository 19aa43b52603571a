"""Where the number behind an optimizer's learning rate is written. Not an edit."""

from collections.abc import Callable, Iterator

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, argument, is_plain, keyword, literal, number, only, with_argument

DEFAULTS = {"Adam": 1e-3, "AdamW": 1e-3, "Adamax": 2e-3, "NAdam": 2e-3, "RAdam": 1e-3, "RMSprop": 1e-2, "Adagrad": 1e-2}


def rewritten(case: Case, new_rate: Callable[[float], float | None]) -> Edited | None:
    """Return the file with another learning rate.

    Args:
        case: Its finding's first place is where the optimizer was made.
        new_rate: Returns what a written number is to become, None when it cannot be the one in use.
    """
    found = optimizer_call(case)
    if found is None or _has_groups(*found):
        return None
    source, made = found
    given = argument(made, 1, "lr")
    if given is None:
        default = DEFAULTS.get(source.torch_name(made.func))
        rate = new_rate(default) if default is not None else None
        if rate is None:
            return None
        text = source.replaced({made: with_argument(made, keyword("lr", source.expression(number(rate))))})
        return (source, text) if text else None
    node = given.value if literal(given.value) is not None else origin(source, given.value, new_rate)
    value = literal(node)
    rate = new_rate(value) if value is not None else None
    if node is None or rate is None:
        return None
    text = source.replaced({node: source.expression(number(rate))})
    return (source, text) if text else None


def optimizer_call(case: Case) -> tuple[Source, cst.Call] | None:
    """Return the only call at the finding's first place that makes an optimizer, its options in sight."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    made = only([c for c in source.at(cst.Call, line) if _makes_optimizer(source, c)])
    return (source, made) if made is not None and is_plain(made) else None


def _makes_optimizer(source: Source, call: cst.Call) -> bool:
    name = source.imported(call.func)
    return name.startswith("torch.optim.") and "lr_scheduler" not in name


def _has_groups(source: Source, made: cst.Call) -> bool:
    """Tell whether groups of parameters have learning rates of their own."""
    return bool(made.args) and "lr" in {
        d.key.evaluated_value
        for d in source.every(cst.DictElement, inside=made.args[0])
        if isinstance(d.key, cst.SimpleString)
    }


def origin(source: Source, node: cst.BaseExpression, new_rate: Callable[[float], float | None]) -> cst.CSTNode | None:
    """Return the number that a name, attribute or key stands for, when one place of the file can be it."""
    if isinstance(node, cst.Name):
        name = node.value
    elif isinstance(node, cst.Attribute):
        name = node.attr.value
    elif isinstance(node, cst.Subscript):
        index = node.slice[0].slice if len(node.slice) == 1 else None
        key = index.value if isinstance(index, cst.Index) else None
        if not isinstance(key, cst.SimpleString):
            return None
        name = str(key.evaluated_value)
    else:
        return None
    written = list(_written(source, name))
    if any(value is None for value in written):
        return None  # some of it is computed
    return only([v for v in written if v is not None and new_rate(literal(v) or 0.0) is not None])


def _written(source: Source, name: str) -> Iterator[cst.CSTNode | None]:
    """Yield every number that is given a name in the file, None for what is given it and is no number."""
    for call in source.every(cst.Call):
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value == "add_argument" and _destination(call) == name:
            yield _number_or_none(argument(call, -1, "default"))
            continue
        if _makes_optimizer(source, call):
            continue
        for arg in call.args:
            if arg.keyword and arg.keyword.value == name and literal(arg.value) is not None:
                yield arg.value
    for parameter in source.every(cst.Param):
        if parameter.name.value == name and parameter.default is not None and literal(parameter.default) is not None:
            yield parameter.default
    for entry in source.every(cst.DictElement):
        if (
            isinstance(entry.key, cst.SimpleString)
            and entry.key.evaluated_value == name
            and literal(entry.value) is not None
        ):
            yield entry.value
    yield from _assigned(source, name)


def _assigned(source: Source, name: str) -> Iterator[cst.CSTNode | None]:
    """Yield what is assigned to a name or to an attribute of that name."""
    nodes: list[cst.Assign | cst.AnnAssign] = [*source.every(cst.Assign), *source.every(cst.AnnAssign)]
    for node in nodes:
        targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
        for target in targets:
            if source.code(target).strip().rpartition(".")[2] != name or node.value is None:
                continue
            passed_on = source.code(node.value).rpartition(".")[2] == name  # self.lr = lr
            if not passed_on:
                yield node.value if literal(node.value) is not None else None


def _number_or_none(arg: cst.Arg | None) -> cst.CSTNode | None:
    return arg.value if arg and literal(arg.value) is not None else None


def _destination(call: cst.Call) -> str:
    """Return the attribute under which argparse keeps an option."""
    given = argument(call, -1, "dest")
    if given and isinstance(given.value, cst.SimpleString):
        return str(given.value.evaluated_value)
    texts = [
        str(a.value.evaluated_value) for a in call.args if a.keyword is None and isinstance(a.value, cst.SimpleString)
    ]
    long = next((t for t in texts if t.startswith("--")), texts[0] if texts else "")
    return long.lstrip("-").replace("-", "_")
