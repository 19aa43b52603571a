"""What ``configure_optimizers`` says of how often a trainer is to step a scheduler. Not an edit."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import New, Source, only

METHOD = "configure_optimizers"
PAIR = 2


def paced(case: Case, interval: str) -> Edited | None:
    """Return the file in which the scheduler that the method returns steps at each "step" or "epoch"."""
    for index in range(len(case.finding.where)):
        place = case.at(index)
        around = place[0].at(cst.FunctionDef, place[1]) if place is not None else []
        methods = [f for f in around if f.name.value == METHOD]
        if place is None or not methods:
            continue
        source = place[0]
        returned = only([r for r in source.every(cst.Return, inside=methods[-1]) if r.value is not None])
        given = _scheduler(returned.value) if returned is not None and returned.value is not None else None
        new = _with_interval(source, given, interval) if given is not None else None
        text = source.replaced(new) if new else None
        return (source, text) if text else None
    return None


def _scheduler(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what stands for the only scheduler among what is returned."""
    if isinstance(node, cst.Dict):
        return _value(node, "lr_scheduler")
    lists = [e.value for e in node.elements] if isinstance(node, cst.Tuple) else []
    second = lists[1] if len(lists) == PAIR else None
    return second.elements[0].value if isinstance(second, cst.List) and len(second.elements) == 1 else None


def _value(table: cst.Dict, key: str) -> cst.BaseExpression | None:
    entries = [e for e in table.elements if isinstance(e, cst.DictElement) and isinstance(e.key, cst.SimpleString)]
    found = only([e for e in entries if isinstance(e.key, cst.SimpleString) and e.key.evaluated_value == key])
    return found.value if found is not None else None


def _with_interval(source: Source, given: cst.BaseExpression, interval: str) -> dict[cst.CSTNode, New] | None:
    """Return the edit of a scheduler, or of the table that holds it."""
    if not isinstance(given, cst.Dict):
        plain = isinstance(given, cst.Name | cst.Call | cst.Attribute)
        table = f'{{"scheduler": {source.code(given)}, "interval": "{interval}"}}'
        return {given: source.expression(table)} if plain else None
    said = _value(given, "interval")
    if said is not None:
        other = isinstance(said, cst.SimpleString) and said.evaluated_value != interval
        return {said: source.expression(f'"{interval}"')} if other else None
    last = given.elements[-1] if given.elements else None
    if not isinstance(last, cst.DictElement) or len(given.elements) < 1:
        return None
    between = (
        given.elements[-2].comma if len(given.elements) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    )
    fresh = cst.DictElement(source.expression('"interval"'), source.expression(f'"{interval}"'), comma=last.comma)
    elements = [*given.elements[:-1], last.with_changes(comma=between), fresh]
    return {given: given.with_changes(elements=elements)}
