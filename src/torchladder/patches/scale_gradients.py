"""The loss is divided by the number of batches that a step adds up, is a mean, or gets the other sign."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import loss_call
from torchladder.patches.signs import turned
from torchladder.patches.source import Source, literal, only

# A mean over samples computed elsewhere from sums would no longer be one.
DIVIDED_LATER = re.compile(
    r"(?:loss|total|running|sum|epoch)\w*\s*/=?\s*(?:len\((?!\w*(?:loader|batches|dl)\w*\))|\w*(?:num|samples|size|count|seen))"
)


def edit(case: Case) -> Edited | None:
    """Return the file with the loss at the size of a mean, or with the other sign."""
    if case.finding.name == "gradient-accumulation-unscaled":
        return _accumulated(case)
    if case.finding.name == "loss-reduction-sum":
        return _averaged(case)
    return turned(case) if case.finding.name == "loss-wrong-sign" else None


def _accumulated(case: Case) -> Edited | None:
    """Return the file in which each backward pass adds its share."""
    place, factor = case.at(0), case.args.get("factor")
    if place is None or not isinstance(factor, int | float) or not 0 < factor < 1:
        return None
    source, line = place
    backward = only([
        c
        for c in source.at(cst.Call, line)
        if isinstance(c.func, cst.Attribute) and c.func.attr.value in {"backward", "manual_backward"}
    ])
    loss = _differentiated(source, backward) if backward is not None else None
    divisor = _divisor(source, backward, round(1 / factor)) if backward is not None else None
    if loss is None or divisor is None or f"/ {divisor}" in source.code(loss):
        return None
    share = f"{source.atom(loss)} / {divisor}"
    bare = isinstance(source.parent(loss), cst.Arg)
    text = source.replaced({loss: source.expression(share if bare else f"({share})")})
    return (source, text) if text else None


def _differentiated(source: Source, backward: cst.Call) -> cst.BaseExpression | None:
    """Return the loss that a backward pass is for: behind a scaler, too."""
    assert isinstance(backward.func, cst.Attribute)
    of = backward.func.value
    if backward.func.attr.value == "manual_backward":
        return backward.args[0].value if backward.args else None
    if isinstance(of, cst.Call) and isinstance(of.func, cst.Attribute) and of.func.attr.value == "scale":
        return of.args[0].value if len(of.args) == 1 else None
    given = any(a.keyword is None for a in backward.args)  # another library's backward, or a gradient
    return None if given or "accelerator" in source.code(of) or source.imported(of) else of


def _divisor(source: Source, backward: cst.Call, k: int) -> str | None:
    """Return the number of batches a step, as the test that guards the step writes it."""
    loop = source.enclosing(backward, cst.For | cst.While)  # type: ignore[arg-type]
    found = set()
    for test in source.every(cst.If, inside=loop) if loop is not None else ():
        if ".step(" not in source.code(test.body):
            continue
        for part in source.every(cst.BinaryOperation, inside=test.test):
            if isinstance(part.operator, cst.Modulo) and isinstance(part.right, cst.Name | cst.Attribute | cst.Integer):
                found.add(source.code(part.right))
    name = only(sorted(found))
    if name is None:
        return None
    written = [literal(a.value) for a in source.assigned(name)]
    value = float(name) if name.isdecimal() else written[0] if len(written) == 1 else None
    return name if value in {None, float(k)} else None


def _averaged(case: Case) -> Edited | None:
    """Return the file whose loss has ``reduction="mean"``."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    call = loss_call(source, line)
    made = [call] if call is not None else [c for c in source.at(cst.Call, line) if isinstance(c.func, cst.Name)]
    values = [v for c in made for v in (c, c.func, _assigned(source, c.func))]
    found = {a for v in values if isinstance(v, cst.Call) for a in v.args if _is_sum(source, a)}
    given = only(list(found))
    if given is None or DIVIDED_LATER.search(source.text):
        return None
    quote = source.code(given.value)[0]
    text = source.replaced({given.value: source.expression(f"{quote}mean{quote}")})
    return (source, text) if text else None


def _assigned(source: Source, callee: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what a loss is made by, when the file assigns it once: its module, or a function with its options set."""
    assigned = only(source.assigned(source.code(callee)))
    return assigned.value if assigned is not None else None


def _is_sum(source: Source, arg: cst.Arg) -> bool:
    named = arg.keyword is not None and arg.keyword.value == "reduction"
    return named and source.code(arg.value) in {"'sum'", '"sum"'}
