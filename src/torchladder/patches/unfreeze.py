"""A new layer that was frozen with the rest of its network is let go again, right after the loop that froze it."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only


def edit(case: Case) -> Edited | None:
    """Return the file in which one named part of the network may train."""
    place = case.at(0)
    part = _part([str(n) for n in case.args.get("names") or ()])
    if place is None or part is None:
        return None
    source, line = place
    loop = only([f for f in source.at(cst.For, line) if source.span(f)[0] <= line]) or _around(source, line)
    network = _frozen_by(source, loop) if loop else None
    if loop is None or network is None or not source.assigned(f"{network}.{part}"):
        return None
    if f"{network.rpartition('.')[2]}.{part}.parameters()" not in source.text and not _all_handed_over(source):
        return None
    fresh = source.line(f"{network}.{part}.requires_grad_(True)")
    text = source.replaced({loop: cst.FlattenSentinel([loop, fresh])})
    return (source, text) if text else None


def _part(names: list[str]) -> str | None:
    """Return the attribute that holds all these parameters, None when there are several."""
    parts = {n.rpartition(":")[2].rpartition(".")[0] for n in names}
    (part,) = parts if len(parts) == 1 else ("",)
    return part if part.isidentifier() else None


def _around(source: Source, line: int) -> cst.For | None:
    return only([f for f in source.every(cst.For) if source.span(f)[0] <= line <= source.span(f)[1]])


def _frozen_by(source: Source, loop: cst.For) -> str | None:
    """Return the network whose parameters a loop freezes and does nothing else with."""
    over = loop.iter
    if not isinstance(loop.target, cst.Name) or not isinstance(over, cst.Call) or over.args:
        return None
    if not isinstance(over.func, cst.Attribute) or over.func.attr.value != "parameters":
        return None
    name = loop.target.value
    body = source.code(loop.body).strip()
    if body not in {f"{name}.requires_grad = False", f"{name}.requires_grad_(False)"}:
        return None
    network = source.code(over.func.value)
    return network if all(part.isidentifier() for part in network.split(".")) else None


def _all_handed_over(source: Source) -> bool:
    """Tell whether every optimizer of the file gets whatever requires grad, or all parameters of a network."""
    makers = [c for c in source.every(cst.Call) if source.imported(c.func).startswith("torch.optim.") and c.args]
    makers = [c for c in makers if ".lr_scheduler" not in source.imported(c.func)]
    given = [_given(source, c.args[0].value) for c in makers]
    return bool(given) and all("requires_grad" in g or re.fullmatch(r"\w+\.parameters\(\)", g) for g in given)


def _given(source: Source, node: cst.BaseExpression) -> str:
    """Return the text of an argument, or of what is assigned to the name that it is."""
    assigned = only(source.assigned(source.code(node)))
    return source.code(assigned.value if assigned and assigned.value else node)
