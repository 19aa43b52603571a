"""The pretrained weights that adapters are to change stop training, before the optimizer is made."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.models import behind
from torchladder.patches.source import New, Source, only

LAST = ("weight", "bias")


def edit(case: Case) -> Edited | None:
    """Return the file in which a loop that lets all parameters train leaves out what is adapted, or freezes it."""
    part = _part([str(n) for n in case.args.get("names") or ()])
    if part is None:
        return None
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        text = _frozen(source, part) if source is not None else None
        if source is not None and text is not None:
            return source, text
    return None


def _part(names: list[str]) -> str | None:
    """Return the attribute under which every wrapper keeps what it adapts."""
    parts = {n.rpartition(":")[2].split(".")[-2] for n in names if n.rpartition(":")[2].count(".") > 1}
    whole = all(n.rpartition(".")[2] in LAST for n in names)
    return only(sorted(parts)) if whole and all("." in n for n in names) else None


def _frozen(source: Source, part: str) -> str | None:
    """Return the text with the part frozen where the class that keeps it is made, or where all are let go."""
    loop = only([f for f in source.every(cst.For) if _lets_all_train(source, f)])
    assigned = only(source.assigned(f"self.{part}"))
    if assigned is None:
        return None
    if loop is not None:
        new = _condition(source, loop, part)
        return source.replaced(new) if new is not None else None
    line = source.statement_of(assigned)
    own = isinstance(line, cst.SimpleStatementLine) and isinstance(assigned.value, cst.Name)
    if not own or not isinstance(line, cst.SimpleStatementLine) or re.search(r"requires_grad", source.text):
        return None
    return source.replaced({line: behind(source, line, f"self.{part}.requires_grad_(False)\n")})


def _lets_all_train(source: Source, loop: cst.For) -> bool:
    """Tell whether a loop makes every parameter of a model require grad, and does nothing else."""
    body = source.code(loop.body).strip()
    over = re.search(r"\.(?:named_)?parameters\(\)$", source.code(loop.iter).strip())
    return bool(over) and bool(re.fullmatch(r"\w+\.requires_grad(?: = True|_\(True\))", body))


def _condition(source: Source, loop: cst.For, part: str) -> dict[cst.CSTNode, New] | None:
    """Return the loop with a condition on the parameter's name for True."""
    named = isinstance(loop.target, cst.Tuple) and len(loop.target.elements) == 2  # noqa: PLR2004 - name and tensor
    if not named or not isinstance(loop.target, cst.Tuple):
        return None
    name = source.code(loop.target.elements[0].value)
    true = only([n for n in source.every(cst.Name, inside=loop.body) if n.value == "True"])
    return {true: source.expression(f'".{part}." not in {name}')} if true is not None else None
