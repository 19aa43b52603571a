"""A recurrent or attention layer is made with ``batch_first=True``."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, argument, is_plain, keyword, only, with_argument

LAYERS = {"RNN", "LSTM", "GRU", "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer"}


def edit(case: Case) -> Edited | None:
    """Return the file with the flag where the layer is made: at the change's line, or at the only such call."""
    site = case.site()
    if site is None:
        return None
    source, line = site
    call = only([c for c in source.at(cst.Call, line) if _lacks_it(source, c)])
    call = call or only([c for c in source.every(cst.Call) if _lacks_it(source, c)])
    if call is None:
        return None
    given, true = argument(call, -1, "batch_first"), source.expression("True")
    changed = call.with_deep_changes(given, value=true) if given else with_argument(call, keyword("batch_first", true))
    text = source.replaced({call: changed})
    return (source, text) if text else None


def _lacks_it(source: Source, call: cst.Call) -> bool:
    """Tell whether a call makes such a layer with the sequence first."""
    given = argument(call, -1, "batch_first")
    off = given is None or source.code(given.value) == "False"
    return source.torch_name(call.func) in LAYERS and is_plain(call) and off
