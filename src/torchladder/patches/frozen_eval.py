"""Batch-norm layers whose weights are frozen are put back into evaluation mode after ``train()``."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import bound
from torchladder.patches.source import Source, only
from torchladder.patches.steps import receiver

PLAIN = "BatchNorm2d"


def edit(case: Case) -> Edited | None:
    """Return the file with a loop over the frozen layers behind the line that puts all into training mode."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    calls = [c for c in source.at(cst.Call, line) if isinstance(c.func, cst.Attribute) and c.func.attr.value == "train"]
    call = only([c for c in calls if not c.args])
    statement = source.statement_of(call) if call is not None else None
    model = receiver(source, call) if call is not None else None
    kinds = _kinds(source)
    alone = isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1
    if model is None or statement is None or not alone or kinds is None or "affine=False" in source.text:
        return None
    if "layer" in bound(source, source.function(statement) or source.module):
        return None
    text = source.replaced({statement: cst.FlattenSentinel([statement, *_loop(source, model, kinds)])})
    return (source, text) if text else None


def _kinds(source: Source) -> str | None:
    """Return the batch-norm classes that the file makes, as ``isinstance`` takes them."""
    names = {source.code(c.func) for c in source.every(cst.Call) if source.torch_name(c.func).startswith("BatchNorm")}
    plain = source.spelled(f"torch.nn.{PLAIN}")
    if not names:
        return plain  # the layers come from elsewhere: a network for pictures, in all likelihood
    return next(iter(names)) if len(names) == 1 else f"({', '.join(sorted(names))})"


def _loop(source: Source, model: str, kinds: str) -> list[cst.BaseStatement]:
    deeper = source.module.default_indent
    text = (
        f"for layer in {model}.modules():\n"
        f"{deeper}if isinstance(layer, {kinds}) and not layer.weight.requires_grad:\n"
        f"{deeper * 2}layer.eval()  # frozen layers keep their statistics\n"
    )
    return list(cst.parse_module(text, config=source.module.config_for_parsing).body)
