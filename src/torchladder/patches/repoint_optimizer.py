"""The optimizer gets the parameters of the model that trains, instead of those of one made on the spot."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import only


def edit(case: Case) -> Edited | None:
    """Return the file with ``Net().parameters()`` replaced by the parameters of the only ``Net`` that has a name."""
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    makers = [c for c in source.at(cst.Call, line) if source.imported(c.func).startswith("torch.optim.") and c.args]
    made = only(makers)
    given = made.args[0].value if made else None
    owner = given.func.value if isinstance(given, cst.Call) and isinstance(given.func, cst.Attribute) else None
    if made is None or not isinstance(owner, cst.Call) or not isinstance(owner.func, cst.Name):
        return None
    cls = owner.func.value
    if not any(c.name.value == cls for c in source.every(cst.ClassDef)):
        return None
    named = []
    for assign in source.every(cst.Assign):
        value, target = assign.value, assign.targets[0].target
        same = isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == cls
        if same and len(assign.targets) == 1 and isinstance(target, cst.Name):
            named.append((assign, target.value))
    if len(named) != 1:
        return None
    assign, name = named[0]
    here = source.function(assign) is source.function(made) and source.span(assign)[0] < line
    if not here or len(source.assigned(name)) != 1:
        return None
    text = source.replaced({owner: cst.Name(name)})
    return (source, text) if text else None
