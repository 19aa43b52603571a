"""``torchladder fix RECORD --write --verify``: the edited program, climbed again to the rung that was broken."""

from torchladder.cli.climb import Progress, save_record
from torchladder.core.report import Report, State
from torchladder.report.terminal import is_file
from torchladder.report.text import clean

GONE, STILL, UNDECIDED = 0, 1, 5


def broken_rung(report: Report) -> int:
    """Return the rung to climb to: where the cause was found, or the program was stopped, whichever is higher."""
    failed = [r.rung for r in report.rungs if r.state is State.FAILED]
    return max([*failed, report.cause.rung if report.cause is not None else 0])


def verify(report: Report, *, words: list[str], budget: float) -> int:
    """Climb the program of a record again, say whether its cause is gone, and return the exit status."""
    from torchladder.ladder.climb import climb
    from torchladder.runner import target as targets

    target = targets.resolve(report.script, words, module=not is_file(report.script))
    rung = broken_rung(report)
    progress = Progress(quiet=False)
    try:
        after = save_record(climb(target, to=rung, budget=budget, progress=progress))
    finally:
        progress.clear()
    status, sentence = verdict(report, after, rung)
    print(sentence)
    print(f"Record: {clean(after.folder or 'none')}")
    if status == STILL:
        print("To have the old text back: move each .orig file over its original.")
    return status


def verdict(before: Report, after: Report, rung: int) -> tuple[int, str]:
    """Return the exit status and the sentence for a second climb."""
    cause = before.cause
    assert cause is not None
    name = f"{cause.code} {cause.name}"
    if after.error is not None:
        told = clean(str(after.error.get("message") or after.error.get("type") or "it fails"))
        return STILL, f"Not verified: the edited program ends with an error ({told})."
    if any(f.code == cause.code for f in after.findings):
        return STILL, f"Not verified: the edited program still has {name}."
    others = [f"{f.code} {f.name}" for f in after.findings if f.severity.value != "note"]
    judged = {r.rung for r in after.rungs if r.state in {State.PASSED, State.SKIPPED, State.FAILED}}
    if rung not in judged:
        why = f"the climb now stops at {others[0]}" if others else f"rung {rung} could not be judged"
        return UNDECIDED, f"Not decided: {name} is not found any more, but {why}."
    if others:
        return GONE, f"Verified: {name} is gone. Next in its place: {others[0]}."
    return GONE, f"Verified: {name} is gone, and the edited program climbs to rung {rung}."
