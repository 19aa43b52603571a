"""Attention is kept from looking at later positions: by its own flag, or by a mask on the scores."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import New, Source, argument, is_plain, keyword, only, with_argument

ATTENTION = "scaled_dot_product_attention"
MODULES = {"MultiheadAttention": ("attn_mask", 3), "TransformerEncoder": ("mask", 1)}  # mask's name, inputs
SCORES = re.compile(r"att|score|sim|wei|aff|energ|dot|qk|^w$", re.IGNORECASE)
FLAG, MASK = 5, 3  # positions of is_causal and attn_mask


def edit(case: Case) -> Edited | None:
    """Return the file in which each attention of the model is causal."""
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        new = _edits(source) if source is not None else None
        text = source.replaced(new) if source is not None and new else None
        if source is not None and text is not None:
            return source, text
    return None


def _edits(source: Source) -> dict[cst.CSTNode, New] | None:
    """Return the one attention of the file with a mask, None where there are several or it cannot be given one.

    Of several, some may be an encoder's, or look from one sequence at another.
    """
    fused = [c for c in source.every(cst.Call) if source.torch_name(c.func) == ATTENTION]
    if fused:
        return _flagged(source, fused[0]) if len(fused) == 1 else None
    stored = [new for c in source.every(cst.Call) if (new := _module(source, c))]
    if stored:
        return only(stored)
    by_hand = [s for c in source.every(cst.Call) if (s := _scores(source, c)) is not None]
    scores = only(by_hand)
    if scores is None:
        return None
    later = f"{_torch(source)}.ones_like({scores.value}, dtype={_torch(source)}.bool).triu(1)"
    return {scores: source.expression(f'{scores.value}.masked_fill({later}, float("-inf"))')}


def _flagged(source: Source, call: cst.Call) -> dict[cst.CSTNode, New] | None:
    """Return an attention call with its flag set, None where it has a mask of its own."""
    mask, flag = argument(call, MASK, "attn_mask"), argument(call, FLAG, "is_causal")
    if not is_plain(call) or (mask is not None and source.code(mask.value) != "None"):
        return None
    true = source.expression("True")
    if flag is not None:
        return {flag.value: true} if source.code(flag.value) == "False" else None
    return {call: with_argument(call, keyword("is_causal", true))}


def _module(source: Source, call: cst.Call) -> dict[cst.CSTNode, New]:
    """Return a call of a stored attention module or encoder with a mask, if it is one on a sequence by itself."""
    made = only(source.assigned(source.code(call.func)))
    value = made.value if made is not None else None
    kind = source.torch_name(value.func) if isinstance(value, cst.Call) else ""
    given = [a.value for a in call.args if a.keyword is None]
    first = given[0] if given else None
    if kind not in MODULES or not isinstance(first, cst.Name) or not is_plain(call) or not isinstance(value, cst.Call):
        return {}
    name, sides = MODULES[kind]
    alike = len(given) == sides and all(source.code(g) == first.value for g in given)
    layer = value if kind == "MultiheadAttention" else _layer(source, value)
    square = source.spelled("torch.nn.Transformer.generate_square_subsequent_mask")
    if not alike or argument(call, -1, name) or layer is None or square is None:
        return {}
    flag = argument(layer, -1, "batch_first")
    axis = 1 if flag is not None and source.code(flag.value) == "True" else 0
    return {call: with_argument(call, keyword(name, source.expression(f"{square}({first.value}.size({axis}))")))}


def _layer(source: Source, encoder: cst.Call) -> cst.Call | None:
    """Return the call that makes the layer of an encoder, written in it or under a name."""
    given = argument(encoder, 0, "encoder_layer")
    node = given.value if given is not None else None
    if isinstance(node, cst.Name):
        assigned = only(source.assigned(node.value))
        node = assigned.value if assigned is not None else None
    return node if isinstance(node, cst.Call) and source.torch_name(node.func) == "TransformerEncoderLayer" else None


def _scores(source: Source, call: cst.Call) -> cst.Name | None:
    """Return the name of the attention scores that a softmax over the last axis is given, in a model's class."""
    func = call.func
    if source.torch_name(func) == "softmax":
        given, axis = argument(call, 0, "input"), argument(call, 1, "dim")
        value = given.value if given is not None else None
    elif isinstance(func, cst.Attribute) and func.attr.value == "softmax" and not source.imported(func):
        value, axis = func.value, argument(call, 0, "dim")
    else:
        return None
    last = axis is not None and source.code(axis.value) in {"-1", "3", "2"}
    named = isinstance(value, cst.Name) and bool(SCORES.search(value.value)) and source.class_of(call) is not None
    return value if last and named and isinstance(value, cst.Name) else None


def _torch(source: Source) -> str:
    return (source.spelled("torch.ones_like") or "torch.ones_like").rpartition(".")[0] or "torch"
