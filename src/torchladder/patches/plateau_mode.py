"""ReduceLROnPlateau watches its metric the other way."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import argument, is_plain, keyword, only, with_argument

MODES = {"min", "max"}


def edit(case: Case) -> Edited | None:
    """Return the file with the other ``mode``."""
    place, mode = case.at(0), case.args.get("mode")
    if place is None or mode not in MODES:
        return None
    source, line = place
    call = only([c for c in source.at(cst.Call, line) if source.torch_name(c.func) == "ReduceLROnPlateau"])
    if call is None or not is_plain(call):
        return None
    given = argument(call, 1, "mode")
    if given is None:
        text = source.replaced({call: with_argument(call, keyword("mode", source.expression(f'"{mode}"')))})
        return (source, text) if text and mode == "max" else None
    if not isinstance(given.value, cst.SimpleString) or given.value.evaluated_value not in MODES - {mode}:
        return None
    quote = given.value.quote
    text = source.replaced({given.value: source.expression(f"{quote}{mode}{quote}")})
    return (source, text) if text else None
