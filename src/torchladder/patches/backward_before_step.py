"""The loss that a line assigns is differentiated before the step of the same block."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only


def edit(case: Case) -> Edited | None:
    """Return the file with ``loss.backward()`` before the step."""
    first, second = case.at(0), case.at(1)
    if first is None or (second is not None and first[0] is not second[0]):
        return None
    source, line = first
    step = source.statement(line)
    block = source.block(step) if step else None
    loss = source.statement(second[1]) if second else only([s for s in block or () if _assigns_loss(source, s)])
    if (
        step is None
        or not isinstance(loss, cst.SimpleStatementLine)
        or block is None
        or loss not in block
        or block.index(loss) > block.index(step)
    ):
        return None
    small = loss.body[0]
    target = small.targets[0].target if isinstance(small, cst.Assign) and len(small.targets) == 1 else None
    if not isinstance(target, cst.Name) or len(loss.body) != 1 or ".step(" not in source.code(step):
        return None
    between = [source.code(s) for s in block[block.index(loss) + 1 : block.index(step)]]
    if any(f"{target.value} =" in text or f"{target.value}.item" in text for text in between):
        return None
    start = next((s for s in block[block.index(loss) + 1 :] if s is step or "clip_grad" in source.code(s)), step)
    if not isinstance(start, cst.SimpleStatementLine):
        return None
    text = source.replaced({start: source.inserted(start, source.line(f"{target.value}.backward()"))})
    return (source, text) if text else None


def _assigns_loss(source: Source, statement: cst.BaseStatement) -> bool:
    """Tell whether a statement computes what the file calls the loss."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(small, cst.Assign) or not isinstance(small.value, cst.Call):
        return False
    return any(source.code(t.target).strip() == "loss" for t in small.targets)
