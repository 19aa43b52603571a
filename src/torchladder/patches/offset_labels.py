"""Labels moved by a constant where the loss is called, if nothing else in the file reads them."""

import re

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import loss_call, pair
from torchladder.patches.source import number

# An accuracy compares predictions with the labels as they are; moving them in the loss alone would spoil it.
COMPARED = re.compile(r"argmax|\.max\(|==|\.eq\(|topk|accuracy|[<>]=?\s*-?[0-9.]+\b")


def edit(case: Case) -> Edited | None:
    """Return the file with the labels moved."""
    site, offset, scale = case.site(), case.args.get("offset"), case.args.get("scale", 1)
    if site is None or not isinstance(offset, int | float) or not isinstance(scale, int | float):
        return None
    source, line = site
    call = loss_call(source, line, case.args.get("function"))
    both = pair(call) if call else None
    if both is None or COMPARED.search(source.text):
        return None
    labels = source.atom(both[1].value)
    scaled = labels if scale == 1 else f"{labels} * {number(scale)}"
    moved = f"{scaled} {'-' if offset < 0 else '+'} {number(abs(offset))}"
    text = source.replaced({both[1].value: source.expression(moved)})
    return (source, text) if text else None
