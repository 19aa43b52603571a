"""The training loader is made with ``shuffle=True``."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import argument, is_plain, keyword, only, with_argument

OTHER_ORDER = {"sampler", "batch_sampler"}


def edit(case: Case) -> Edited | None:
    """Return the file with the loader shuffled, where it is made and for itself alone."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    call = only([c for c in source.at(cst.Call, line) if source.torch_name(c.func) == "DataLoader"])
    if call is None or not is_plain(call) or not _alone(case, line):
        return None
    given = {a.keyword.value for a in call.args if a.keyword}
    if given & OTHER_ORDER or len(call.args) - len(given) > 3:  # noqa: PLR2004 - the fourth is the sampler
        return None
    shuffle = argument(call, 2, "shuffle")
    true = source.expression("True")
    if shuffle is None:
        text = source.replaced({call: with_argument(call, keyword("shuffle", true))})
    elif isinstance(shuffle.value, cst.Name) and shuffle.value.value == "False":
        text = source.replaced({shuffle.value: true})
    else:
        return None
    return (source, text) if text else None


def _alone(case: Case, line: int) -> bool:
    """Tell whether the line makes one loader only, and not also the one that evaluates."""
    place = case.at(0)
    if place is None:
        return False
    source = place[0]
    call = only([c for c in source.at(cst.Call, line) if source.torch_name(c.func) == "DataLoader"])
    if call is None or source.repeated(call):
        return False
    function = source.function(call)
    if function is None:
        return True
    if not isinstance(function, cst.FunctionDef):
        return False
    owner = source.class_of(function)
    if owner is not None and function.name.value in {"__init__", "train_dataloader"}:
        return True
    # A function that is called for several sets makes their loaders by the same line.
    name = function.name.value
    calls = [c for c in source.every(cst.Call) if source.code(c.func).rpartition(".")[2] == name]
    return len(calls) <= 1
