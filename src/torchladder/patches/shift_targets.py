"""Targets that are the inputs are shifted by one where the loss is called; slices that shift twice go."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import loss_call, pair
from torchladder.patches.source import New, Source, only

FLAT = {"view", "reshape", "flatten"}
EARLIER = re.compile(r"\[(?::|\.\.\.),\s*:-1(?:,\s*:)?\]")
LATER = re.compile(r"\[(?::|\.\.\.),\s*1:\]")


def edit(case: Case) -> Edited | None:
    """Return the file whose loss compares each output with the next input."""
    site, by = case.site(), case.args.get("by")
    if site is None or case.args.get("axis") != 1:
        return None
    source, line = site
    call = loss_call(source, line)
    both = pair(call) if call is not None else None
    if both is None:
        return None
    changes = _shifted(source, *both) if by == 1 else _unsliced(source, *both) if by == -1 else None
    text = source.replaced(changes) if changes else None
    return (source, text) if text else None


def _shifted(source: Source, output: cst.Arg, target: cst.Arg) -> dict[cst.CSTNode, New] | None:
    """Return the slices put on both sides, before each is made flat in the call itself."""
    changes: dict[cst.CSTNode, New] = {}
    for arg, cut in ((output, ":-1"), (target, "1:")):
        call = arg.value
        func = call.func if isinstance(call, cst.Call) else None
        if not isinstance(func, cst.Attribute) or func.attr.value not in FLAT or source.imported(func):
            return None
        whole = f"{source.atom(func.value)}[:, {cut}]"
        if "[" in source.code(func.value) or not isinstance(func.value, cst.Name | cst.Call | cst.Attribute):
            return None
        name = "reshape" if func.attr.value == "view" else func.attr.value  # a slice is not contiguous
        changes[func] = source.expression(f"{whole}.{name}")
    return changes


def _unsliced(source: Source, output: cst.Arg, target: cst.Arg) -> dict[cst.CSTNode, New] | None:
    """Return both sides without the slices that shift them once more."""
    changes: dict[cst.CSTNode, New] = {}
    for arg, form in ((output, EARLIER), (target, LATER)):
        inside = list(source.every(cst.Subscript, inside=arg.value))
        cut = only([s for s in inside if form.fullmatch(source.code(s)[len(source.code(s.value)) :])])
        if cut is None:
            return None
        changes[cut] = cut.value
    return changes
