"""The optimizer is made once, above the loop that made it anew."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.handed_in import handed_in
from torchladder.patches.out_of_loop import loop_of, moved_before, outermost


def edit(case: Case) -> Edited | None:
    """Return the file with the line out of the loop, or of a function it calls, if nothing depends on the loop."""
    place = case.at(0)
    statement = place[0].statement(place[1]) if place is not None else None
    if place is None or statement is None or len(statement.body) != 1:
        return None
    source, small = place[0], statement.body[0]
    value = small.value if isinstance(small, cst.Assign) and len(small.targets) == 1 else None
    if not isinstance(value, cst.Call) or not source.imported(value.func).startswith("torch.optim."):
        return None
    assert isinstance(small, cst.Assign)
    name = source.code(small.targets[0].target).strip()
    if loop_of(source, statement) is None:
        text = handed_in(source, statement, name, value)
        return (source, text) if text else None
    loop = outermost(source, statement)
    again = [a for a in source.assigned(name) if a is not small and loop is not None and loop in source.above(a)]
    if loop is None or again or not name.replace(".", "").isidentifier():
        return None
    text = moved_before(source, statement, loop)
    return (source, text) if text else None
