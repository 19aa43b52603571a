"""Where a scheduler is made, what it is called, and where it steps. Not an edit."""

from dataclasses import dataclass

import libcst as cst

from torchladder.patches.case import Case
from torchladder.patches.source import Source, only
from torchladder.patches.steps import call_on, receiver


@dataclass(frozen=True)
class Schedule:
    """One scheduler of a file: the call that makes it, its name, and the only line that steps it, if one does."""

    source: Source
    made: cst.Call
    name: str
    step: cst.SimpleStatementLine | None


def schedule_of(case: Case) -> Schedule | None:
    """Return the scheduler that a finding's places speak of, None when they leave a choice."""
    places = [p for i in range(len(case.finding.where)) if (p := case.at(i)) is not None]
    if not places or any(source is not places[0][0] for source, _ in places):
        return None
    source = places[0][0]
    lines = dict.fromkeys(line for _, line in places)
    made = only([c for line in lines for c in source.at(cst.Call, line) if _is_scheduler(source, c)])
    target = source.parent(made) if made is not None else None
    if made is None or not isinstance(target, cst.Assign) or len(target.targets) != 1:
        return None
    name = source.code(target.targets[0].target).strip()
    if not name.replace(".", "").isidentifier() or len(source.assigned(name)) != 1:
        return None
    steps = [s for line in lines if call_on(s := source.statement(line), "step") is not None and s is not None]
    step = only(steps)
    if len(lines) > 1 and (step is None or not _alone(source, step)):
        return None
    return Schedule(source, made, name, step)


def _is_scheduler(source: Source, call: cst.Call) -> bool:
    return source.imported(call.func).startswith("torch.optim.lr_scheduler.")


def _alone(source: Source, step: cst.SimpleStatementLine) -> bool:
    """Tell whether no other line of a step's function steps the same scheduler."""
    call = call_on(step, "step")
    of = receiver(source, call) if call is not None else None
    same = [c for c in source.every(cst.Call) if source.code(c.func) == f"{of}.step"]
    return of is not None and len([c for c in same if source.function(c) is source.function(step)]) == 1
