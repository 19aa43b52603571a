"""A sequence loss is told which target to leave out."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import creation, kind_of, loss_call
from torchladder.patches.source import Source, is_plain, keyword, literal, only, with_argument

LOSSES = {"cross_entropy", "nll_loss"}
POSITIONAL = 4  # arguments before it in the function; the module has two
PADDING = re.compile(r"pad", re.IGNORECASE)


def edit(case: Case) -> Edited | None:
    """Return the file with ``ignore_index`` where the loss is called, or where its module is made."""
    site, target = case.site(), case.args.get("id")
    if site is None or not isinstance(target, int):
        return None
    source, line = site
    call = loss_call(source, line)
    if call is None or kind_of(source, call) not in LOSSES:
        return None
    direct = source.torch_name(call.func) in LOSSES
    made = call if direct else call.func if isinstance(call.func, cst.Call) else creation(source, call.func)
    if not isinstance(made, cst.Call) or not is_plain(made) or not (direct or _for_this_alone(source, call)):
        return None
    given = {a.keyword.value for a in made.args if a.keyword}
    if "ignore_index" in given or len(made.args) - len(given) > (POSITIONAL if direct else 2):
        return None
    fresh = keyword("ignore_index", source.expression(_written(source, target)))
    text = source.replaced({made: with_argument(made, fresh)})
    return (source, text) if text else None


def _for_this_alone(source: Source, call: cst.Call) -> bool:
    """Tell whether a loss module is called once in the function that trains with it."""
    if isinstance(call.func, cst.Call):
        return True
    name, function = source.code(call.func), source.function(call)
    same = [c for c in source.every(cst.Call) if source.code(c.func) == name and source.function(c) is function]
    return len(same) == 1 or all(source.code(c) == source.code(call) for c in same)


def _written(source: Source, target: int) -> str:
    """Return the id as the file calls it, where one name of the file's own is plainly that."""
    names = []
    for statement in source.module.body:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Assign) and literal(small.value) == target and len(small.targets) == 1:
            name = source.code(small.targets[0].target).strip()
            if name.isidentifier() and PADDING.search(name) and len(source.assigned(name)) == 1:
                names.append(name)
    return only(names) or str(target)
