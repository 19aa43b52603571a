"""A loader is made with other settings."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import is_plain, keyword, only, with_argument

SETTINGS = ("num_workers", "persistent_workers", "prefetch_factor", "pin_memory")
POSITIONAL = 5  # arguments of DataLoader before num_workers


def edit(case: Case) -> Edited | None:
    """Return the file with the settings as keywords of the loader's call."""
    place = case.at(0)
    wanted = case.change.args
    if place is None or not wanted or not set(wanted) <= set(SETTINGS):
        return None
    source, line = place
    call = only([c for c in source.at(cst.Call, line) if source.torch_name(c.func) == "DataLoader"])
    if call is None or not is_plain(call):
        return None
    given = {a.keyword.value: a for a in call.args if a.keyword}
    if len(call.args) - len(given) > POSITIONAL:
        return None
    if wanted.get("num_workers") == 0 and {"persistent_workers", "prefetch_factor", "timeout"} & given.keys():
        return None  # torch takes them with workers only
    changed = call
    for name, value in wanted.items():
        expression = source.expression(repr(value))
        if name in given:
            changed = changed.with_deep_changes(given[name], value=expression)
        else:
            changed = with_argument(changed, keyword(name, expression))
    text = source.replaced({call: changed})
    return (source, text) if text else None
