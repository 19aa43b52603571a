"""The gradients are cleared: before the backward pass of the same block, else after the step."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source
from torchladder.patches.steps import first_pass, optimizer_at


def edit(case: Case) -> Edited | None:
    """Return the file with ``zero_grad()`` of the optimizer whose step the finding names."""
    first, second = case.at(0), case.at(1)
    if first is None or second is None:
        return None
    (source, line), (of_step, step_line) = first, second
    optimizer = optimizer_at(of_step, step_line)
    step = of_step.statement(step_line)
    if optimizer is None or step is None:
        return None
    backward = source.statement(line)
    if of_step is source and backward is not None:
        text = _before(source, backward, step, optimizer)
        if text is not None:
            return source, text
    clear = of_step.line(f"{optimizer}.zero_grad()")
    text = of_step.replaced({step: cst.FlattenSentinel([step, clear])})
    return (of_step, text) if text else None


def _before(
    source: Source, backward: cst.SimpleStatementLine, step: cst.SimpleStatementLine, optimizer: str
) -> str | None:
    """Return the text with the clearing before the first backward pass, None when the step stands elsewhere."""
    block = source.block(backward)
    if block is None or step not in block or block.index(step) < block.index(backward):
        return None
    first = first_pass(source, block, block.index(backward) + 1) or backward
    return source.replaced({first: source.inserted(first, source.line(f"{optimizer}.zero_grad()"))})
