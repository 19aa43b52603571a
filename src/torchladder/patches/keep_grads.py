"""The clearing of gradients moves from behind the backward pass to before it."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.steps import call_on, first_pass


def edit(case: Case) -> Edited | None:
    """Return the file with the ``zero_grad`` line moved up."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    clear = source.statement(line)
    block = source.block(clear) if clear else None
    if clear is None or block is None or call_on(clear, "zero_grad") is None:
        return None
    backward = first_pass(source, block, block.index(clear))
    later = [s for s in block[block.index(clear) :] if ".step(" in source.code(s)]
    if backward is None or not later:
        return None
    text = source.replaced({clear: cst.RemoveFromParent(), backward: source.inserted(backward, clear)})
    return (source, text) if text else None
