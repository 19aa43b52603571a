"""Labels moved by a constant: where the loss is called, or where they are made if others read them as well."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import loss_call, pair
from torchladder.patches.replace_loss import LABELS
from torchladder.patches.source import Source, literal, number, only

MAKERS = {"tensor", "as_tensor", "from_numpy", "LongTensor"}

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
    if both is None:
        return None
    given = _made(source) if COMPARED.search(source.text) else both[1].value
    if given is None:
        return None
    undone = _without_offset(given, offset) if scale == 1 else None
    labels = source.atom(given)
    scaled = labels if scale == 1 else f"{labels} * {number(scale)}"
    moved = f"{scaled} {'-' if offset < 0 else '+'} {number(abs(offset))}"
    text = source.replaced({given: source.operand(undone, given) if undone is not None else source.expression(moved)})
    return (source, text) if text else None


def _made(source: Source) -> cst.BaseExpression | None:
    """Return the expression of the only line of the file that makes a tensor of labels."""
    found = []
    assigned: list[cst.Assign | cst.AnnAssign] = [*source.every(cst.Assign), *source.every(cst.AnnAssign)]
    for line in assigned:
        targets = [t.target for t in line.targets] if isinstance(line, cst.Assign) else [line.target]
        name = source.code(targets[0]).strip().rpartition(".")[2] if len(targets) == 1 else ""
        if line.value is None or not name.isidentifier() or not LABELS.search(name):
            continue
        if any(source.torch_name(c.func) in MAKERS for c in source.every(cst.Call, inside=line.value)):
            found.append(line.value)
    return only(found)


def _without_offset(node: cst.BaseExpression, offset: float) -> cst.BaseExpression | None:
    """Return what is left of an expression that ends in the opposite of an offset, without that."""
    if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.Add | cst.Subtract):
        return None
    written = literal(node.right)
    signed = written if isinstance(node.operator, cst.Add) or written is None else -written
    return node.left if signed == -offset else None
