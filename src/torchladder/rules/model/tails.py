"""Which operation a loss really sees, once reshapes between it and the loss are passed over.

Not a rule: the reading of ``LossCallFact.tail`` that several rules of this family share.
"""

import re
from collections.abc import Iterator

from torchladder.core.facts import LossCallFact, OpFact
from torchladder.core.findings import Change, Place

SHAPING = frozenset({
    "view",
    "reshape",
    "flatten",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "permute",
    "transpose",
    "t",
    "mt",
    "contiguous",
    "clone",
    "to",
    "tocopy",
    "float",
    "double",
    "half",
    "type",
    "typeas",
    "getitem",
    "select",
    "slice",
    "index",
    "narrow",
    "cat",
    "concat",
    "stack",
    "expand",
    "movedim",
    "moveaxis",
    "swapaxes",
    "chunk",
    "split",
    "unbind",
    "reshapealias",
    "unsafeview",
    "alias",
    "identity",
    "asstrided",
})
AXIS_MOVES = frozenset({
    "permute",
    "transpose",
    "t",
    "mt",
    "movedim",
    "moveaxis",
    "swapaxes",
})
SOFTMAXES = frozenset({"softmax"})
LOG_SOFTMAXES = frozenset({"logsoftmax"})
SIGMOIDS = frozenset({"sigmoid", "expit"})
RELUS = frozenset({"relu", "relu6", "threshold", "clampmin"})


def plain_name(op: OpFact) -> str:
    """Return an operation's name without underscores, case and autograd's suffix."""
    return re.sub(r"backward\d*$", "", op.function.lower().replace("_", "").split(".")[-1])


def squashing(call: LossCallFact, over: frozenset[str] = frozenset()) -> OpFact | None:
    """Return the operation whose values the loss is given, None when that is an affine layer.

    Args:
        call: The loss call whose ``tail`` is read.
        over: Further operations to pass over, beside those that only reshape.
    """
    for op in call.tail:
        if plain_name(op) not in SHAPING | over:
            return op
    return None


def moves_axes(call: LossCallFact, until: OpFact) -> bool:
    """Return whether axes are exchanged between ``until`` and the loss."""
    for op in call.tail:
        if op is until:
            return False
        if plain_name(op) in AXIS_MOVES:
            return True
    return False


def n_classes(call: LossCallFact) -> int | None:
    """Return the width of the class axis of a classification loss's input, None when unknown."""
    if call.n_outputs is not None:
        return call.n_outputs
    if call.input is None or not call.input.shape:
        return None
    return call.input.shape[1] if len(call.input.shape) > 1 else call.input.shape[0]


def skip(op: OpFact) -> Change | None:
    """Return the change that passes over an operation's call, None when its line is unknown."""
    if op.place is None:
        return None
    site = {"path": op.place.path, "line": op.place.line, "function": op.function, "module": op.module}
    return Change("skip_call", site)


def lines(*places: Place | None) -> tuple[Place, ...]:
    """Return the places that are known, each once."""
    return tuple(dict.fromkeys(place for place in places if place is not None))


def first_by_site(calls: tuple[LossCallFact, ...] | None, functions: frozenset[str]) -> Iterator[LossCallFact]:
    """Yield the first differentiated call of each of these losses, by phase and line."""
    seen = set()
    for call in calls or ():
        site = (call.phase, call.place, call.function)
        if call.function in functions and call.differentiated and site not in seen:
            seen.add(site)
            yield call
