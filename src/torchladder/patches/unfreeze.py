"""A new layer that was frozen with the rest of its network is let go again, right after the loop that froze it."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only

ADAPTER = re.compile(r"(lora|adapter)", re.IGNORECASE)


def edit(case: Case) -> Edited | None:
    """Return the file in which one named part of the network may train."""
    place = case.at(0)
    names = [str(n) for n in case.args.get("names") or ()]
    if place is None:
        return None
    source, line = place
    loop = only([f for f in source.at(cst.For, line) if source.span(f)[0] <= line]) or _around(source, line)
    adapters = _with_adapters(source, loop, names) if loop else None
    if adapters is not None:
        return source, adapters
    network = _frozen_by(source, loop) if loop else None
    part = (_part(names) or _replaced_part(source, network, names)) if network is not None else None
    if loop is None or part is None or not source.assigned(f"{network}.{part}"):
        return None
    assert network is not None
    if f"{network.rpartition('.')[2]}.{part}.parameters()" not in source.text and not _all_handed_over(source):
        return None
    fresh = source.line(f"{network}.{part}.requires_grad_(True)")
    text = source.replaced({loop: cst.FlattenSentinel([loop, fresh])})
    return (source, text) if text else None


def _with_adapters(source: Source, loop: cst.For, names: list[str]) -> str | None:
    """Return the text in which a loop that lets some parameters train by name lets the adapters train, too."""
    words = {found[1] if (found := ADAPTER.search(n)) else "" for n in names}
    word = only(sorted(words))
    small = only([s for s in source.every(cst.Assign, inside=loop.body) if len(s.targets) == 1])
    pair = loop.target.elements if isinstance(loop.target, cst.Tuple) else ()
    if not word or small is None or len(pair) != 2 or len(loop.body.body) != 1:  # noqa: PLR2004 - name and parameter
        return None
    name, parameter = (source.code(e.value) for e in pair)
    value = small.value
    by_name = any(n.value == name for n in source.every(cst.Name, inside=value))
    if source.code(small.targets[0].target).strip() != f"{parameter}.requires_grad" or not by_name:
        return None
    loose = isinstance(value, cst.Lambda | cst.IfExp | cst.NamedExpr)
    text = f"({source.code(value)})" if loose else source.code(value)
    return source.replaced({value: source.expression(f'{text} or "{word}" in {name}')})


def _part(names: list[str]) -> str | None:
    """Return the attribute that holds all these parameters, None when there are several."""
    parts = {n.rpartition(":")[2].rpartition(".")[0] for n in names}
    (part,) = parts if len(parts) == 1 else ("",)
    return part if part.isidentifier() else None


def _replaced_part(source: Source, network: str, names: list[str]) -> str | None:
    """Return the attribute that the file itself put into the network, among several that are frozen."""
    parts = dict.fromkeys(n.rpartition(":")[2].partition(".")[0] for n in names)
    return only([p for p in parts if p.isidentifier() and source.assigned(f"{network}.{p}")])


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
