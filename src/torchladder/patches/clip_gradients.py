"""Gradients are clipped just before the step, unscaled where a scaler takes it."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.parameters import parameters_of, stepped
from torchladder.patches.source import Source, number


def edit(case: Case) -> Edited | None:
    """Return the file with ``clip_grad_norm_`` above the step."""
    limit = case.args.get("max_norm")
    place = case.at(len(case.finding.where) - 1)
    found = stepped(*place) if place is not None else None
    if place is None or found is None or not isinstance(limit, int | float) or not 0 < limit < float("inf"):
        return None
    source, (step, optimizer) = place[0], found
    clip = source.spelled("torch.nn.utils.clip_grad_norm_")
    block = source.block(step)
    if clip is None or block is None or "clip_grad" in source.code(source.function(step) or source.module):
        return None
    fresh = [source.line(f"{clip}({parameters_of(source, optimizer, step)}, {float(number(limit))!r})")]
    if f".step({optimizer})" in source.code(step):
        unscaled = f".unscale_({optimizer})"
        if not any(unscaled in source.code(s) for s in block[: block.index(step)]):
            fresh.insert(0, source.line(f"{_scaler(source, step)}{unscaled}"))
    text = source.replaced({step: source.inserted(step, *fresh)})
    return (source, text) if text else None


def _scaler(source: Source, step: cst.SimpleStatementLine) -> str:
    return source.code(step).strip().partition(".step(")[0].rpartition("=")[2].strip()
