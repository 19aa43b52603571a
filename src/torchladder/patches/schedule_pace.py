"""The scheduler's step moves to where its numbers count: the end of the epoch, or behind the optimizer's step."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import backward_calls
from torchladder.patches.handed_schedule import paced
from torchladder.patches.lines import moved
from torchladder.patches.parameters import stepped
from torchladder.patches.schedule_length import lengthened
from torchladder.patches.schedules import Schedule, schedule_of
from torchladder.patches.source import Source, only
from torchladder.patches.steps import call_on, visible

BY_STEP = {"OneCycleLR", "CyclicLR"}
STEPPED = re.compile(r"sched\w*(?:\[\w+\])?\.step\(")


def edit(case: Case) -> Edited | None:
    """Return the file with the scheduler at its own pace."""
    found = schedule_of(case)
    if found is None and "length" not in case.args and not case.args.get("late"):
        return paced(case, "epoch" if case.args.get("every") is not None else "step")
    if found is None:
        return None
    source = found.source
    if "length" in case.args:
        text = lengthened(found, case.args["was"], case.args["length"])
    elif found.step is None:
        text = _called(found)
    elif case.args.get("late"):
        text = _later(found, found.step)
    elif case.args.get("every") is not None:
        text = _each_epoch(source, found.step)
    else:
        text = _each_step(found, found.step)
    return (source, text) if text else None


def _each_epoch(source: Source, step: cst.SimpleStatementLine) -> str | None:
    """Return the text with a step of the batch loop behind that loop."""
    loop = source.enclosing(step, cst.For)
    if loop is None or source.function(loop) is not source.function(step):
        return None
    trains = any(source.enclosing(c, cst.For | cst.While) is loop for c in backward_calls(source))  # type: ignore[arg-type]
    direct = source.parent(step) is loop.body or isinstance(source.parent(source.parent(step) or step), cst.If)
    if not trains or not direct or (source.function(loop) is None and source.enclosing(loop, cst.For) is None):
        return None
    return moved(source, step, behind=loop)


def _each_step(found: Schedule, step: cst.SimpleStatementLine) -> str | None:
    """Return the text with a step of the epoch behind that of the optimizer."""
    source = found.source
    after = _optimizer_step(found, step)
    if after is None or source.function(after) is not source.function(step):
        return None
    loop = source.enclosing(after, cst.For)
    if loop is None or loop in source.above(step):
        return None
    return moved(source, step, behind=after)


def _later(found: Schedule, step: cst.SimpleStatementLine) -> str | None:
    """Return the text with a step that came first behind the optimizer's, or at the end of the epoch."""
    source = found.source
    block, after = source.block(step), _optimizer_step(found, step)
    if block is None or after is None:
        return None
    if after in block and block.index(after) > block.index(step):
        return moved(source, step, behind=after)
    holder = only([s for s in block if s in source.above(after)])
    loop = source.parent(source.parent(step) or step)
    if not isinstance(holder, cst.For | cst.While) or not isinstance(loop, cst.For | cst.While):
        return None
    if block.index(holder) < block.index(step):
        return None
    return moved(source, step, behind=holder)


def _called(found: Schedule) -> str | None:
    """Return the text with a step for a scheduler that was made for steps and never got one."""
    source = found.source
    if source.torch_name(found.made.func) not in BY_STEP or STEPPED.search(source.text):
        return None
    after = _optimizer_step(found, found.made)
    if after is None or not visible(source, found.name, after):
        return None
    fresh = source.line(f"{found.name}.step()")
    return source.replaced({after: cst.FlattenSentinel([after, fresh])})


def _optimizer_step(found: Schedule, near: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """Return the last statement of the optimizer's step, with the scaler's update or clearing that follows it."""
    source = found.source
    lines = [s for s in source.every(cst.SimpleStatementLine) if ".step(" in source.code(s)]
    steps = [one for s in lines if (one := stepped(source, source.span(s)[0])) is not None and one[0] is s]
    name = source.code(found.made.args[0].value) if found.made.args else ""
    matching = [s for s, optimizer in steps if optimizer.removeprefix("self.") == name.removeprefix("self.")]
    here = [s for s in matching if source.function(s) is source.function(near)] or matching
    step = only(here)
    block = source.block(step) if step is not None else None
    if step is None or block is None:
        return None
    last = step
    for statement in block[block.index(step) + 1 :]:
        if call_on(statement, "update") is None and call_on(statement, "zero_grad") is None:
            break
        assert isinstance(statement, cst.SimpleStatementLine)
        last = statement
    return last
