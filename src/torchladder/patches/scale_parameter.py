"""The line that gives the last layer weights of a wrong size gives them the right one."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.inits import Init, inits, sets_one_of
from torchladder.patches.lines import without_block
from torchladder.patches.source import Source, argument, literal, number, only

# Which argument of an initialiser its result is proportional to: its position and name.
SIZES = {
    "normal_": (2, "std"), "trunc_normal_": (2, "std"), "xavier_uniform_": (1, "gain"), "xavier_normal_": (1, "gain"),
    "orthogonal_": (1, "gain"),
}  # fmt: skip
DIGITS = 2


def edit(case: Case) -> Edited | None:
    """Return the file with the weights scaled where they are set; a loop over all parameters goes."""
    names, factor = case.args.get("names") or (), case.args.get("factor")
    modules = [str(n).rpartition(".")[0] for n in names]
    if not modules or not isinstance(factor, int | float):
        return None
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        found = list(inits(source)) if source is not None else []
        if source is None or not found:
            continue
        init = only([i for i in found if i.is_weight and sets_one_of(i, modules)])
        loop = only([i for i in found if i.loop is not None])
        text = _scaled(source, init, float(factor)) if init is not None else None
        if text is None and init is None and loop is not None and loop.loop is not None:
            text = without_block(source, loop.loop)
        if text is not None:
            return source, text
    return None


def _scaled(source: Source, init: Init, factor: float) -> str | None:
    """Return the text with the number that decides the size of the weights multiplied."""
    position, name = SIZES.get(init.function, (-1, ""))
    at = position if source.imported(init.call.func) else position - 1
    given = argument(init.call, at, name) if name else None
    size = literal(given.value) if given is not None else None
    if given is None or size is None:
        return None
    digits = f"%.{DIGITS}g" % (size * factor)
    new: dict[cst.CSTNode, cst.CSTNode] = {given.value: source.expression(number(float(digits)))}
    return source.replaced(dict(new))
