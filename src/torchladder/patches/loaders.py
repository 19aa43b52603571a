"""The call that makes the training loader, and its flags. Not an edit."""

import libcst as cst

from torchladder.patches.case import Case
from torchladder.patches.source import Source, argument, is_plain, keyword, only, with_argument


def training_loader(case: Case) -> tuple[Source, cst.Call] | None:
    """Return the call of ``DataLoader`` at the finding's first place, if it makes one loader and not others as well."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    call = only([c for c in source.at(cst.Call, line) if source.torch_name(c.func) == "DataLoader"])
    return (source, call) if call is not None and is_plain(call) and _alone(source, call) else None


def _alone(source: Source, call: cst.Call) -> bool:
    """Tell whether the line makes one loader only, and not also the one that evaluates."""
    if source.repeated(call):
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


def with_flag(source: Source, call: cst.Call, name: str, *, position: int, excludes: tuple[str, ...]) -> str | None:
    """Return the text with a flag of the loader set, None where it is computed or an argument rules it out."""
    given = {a.keyword.value for a in call.args if a.keyword}
    if given & set(excludes) or len(call.args) - len(given) > position + 1:
        return None
    flag, true = argument(call, position, name), source.expression("True")
    if flag is None:
        return source.replaced({call: with_argument(call, keyword(name, true))})
    off = isinstance(flag.value, cst.Name) and flag.value.value == "False"
    return source.replaced({flag.value: true}) if off else None
