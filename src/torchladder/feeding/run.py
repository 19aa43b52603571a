"""``torchladder loader``: the loader of a program or of a function, timed in a process of its own and judged."""

import dataclasses
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torchladder
from torchladder.core.errors import InternalError, ProgramError, UsageError
from torchladder.core.facts import Facts, ProgramFact
from torchladder.core.feeding_facts import EvaluationTimeFact, FeedingFact, TransferFact
from torchladder.core.findings import Finding, Severity
from torchladder.core.jsonable import from_json
from torchladder.core.report import Report, RungResult, State
from torchladder.feeding import factory, words
from torchladder.ladder.arbitrate import order
from torchladder.ladder.environment import environment
from torchladder.ladder.failure import failure_sentence
from torchladder.patches.patch import with_diffs
from torchladder.rules.registry import Family, Rule, all_rules
from torchladder.runner.children import child_payloads
from torchladder.runner.folder import differences, snapshot
from torchladder.runner.forkserver import Run, run
from torchladder.runner.preload import preload
from torchladder.runner.target import Target, resolve

RUNG, NAME = 6, "loader"
ENTRY = "torchladder.feeding.entry"
START = 90.0  # seconds that a program may take to its first batch
OVER = 1.5  # times the budget, as some measurements take the batches that they need
Progress = Callable[[str], None]


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules about feeding that a selection leaves."""

    def matches(rule: Rule, keys: Sequence[str]) -> bool:
        return any(rule.code.startswith(k.upper()) or rule.name == k.lower() for k in keys)

    rules = [r for r in all_rules() if r.family is Family.FEEDING and (not select or matches(r, select))]
    return tuple(r for r in rules if not matches(r, ignore))


def of_program(
    target: Target,
    *,
    budget: float,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Report:
    """Time the loader that feeds a program's training, under its own steps.

    Args:
        target: The program.
        budget: Seconds for measuring, after the program's own start.
        select: Codes (or prefixes, or names) of rules that judge; all about feeding when empty.
        ignore: Codes (or prefixes, or names) of rules to leave out.
        progress: Called with a short sentence whenever something new begins.

    Raises:
        InternalError: If the observer failed.
    """
    started = time.monotonic()
    progress("timing the loaders of the program under its own first steps")
    before = snapshot(target.cwd)
    with tempfile.TemporaryDirectory(prefix="torchladder-", ignore_cleanup_errors=True) as scratch:
        seen = run(target, f"{ENTRY}:training", {"budget": budget}, seconds=START + OVER * budget, scratch=scratch)
        payload = seen.payload or {}
        if not payload.get("feeding"):  # the program may train in processes of its own
            payload = next((p for p in child_payloads(scratch) if p.get("feeding")), payload)
    if seen.failure and not payload:
        raise InternalError(seen.failure)
    changed = differences(before, snapshot(target.cwd))
    if changed:
        payload = {**payload, "changed": f"the working folder has changed meanwhile: {', '.join(changed)}"}
    facts = _facts(seen, payload)
    reason = None if facts.feeding else _nothing(facts, payload)
    again = shlex.join([
        "torchladder",
        "loader",
        *(["-m"] if target.kind == "module" else []),
        target.name,
        *target.argv,
    ])
    return _reported(facts, target.name, chosen(select, ignore), started, payload, again, reason)


def of_factory(
    file: str,
    name: str,
    *,
    budget: float,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Report:
    """Time the loaders that a function makes; arguments as for ``of_program``.

    Raises:
        UsageError: If there is no such function, or it gives no DataLoader.
        ProgramError: If it fails, or what it gives has no batch.
        InternalError: If the observer failed.
    """
    started = time.monotonic()
    spec = f"{file}:{name}"
    folder = str(Path.cwd())
    preload(resolve(file, ()))
    progress(f"timing the loader that {spec} makes")
    with tempfile.TemporaryDirectory(prefix="torchladder-", ignore_cleanup_errors=True) as scratch:
        lonely = Path(scratch, "program")
        lonely.mkdir()
        target = Target("script", str(factory.write(str(lonely))), (file, name), folder)
        seen = run(target, f"{ENTRY}:made", {"budget": budget}, seconds=START + OVER * budget, scratch=f"{scratch}/run")
    payload = seen.payload or {}
    _complain(spec, file, name, seen, payload)
    return _reported(
        _facts(seen, payload), spec, chosen(select, ignore), started, payload, f"torchladder loader {spec}"
    )


def _complain(spec: str, file: str, name: str, seen: Run, payload: dict[str, Any]) -> None:
    """Raise what there is to say when a function gave nothing that could be timed."""
    program = seen.program
    if program.exit_status == factory.STATUS_OF_NAME and not payload.get("feeding"):
        msg = f"{file} has no {name!r}"
        raise UsageError(msg)
    if program.state == "crashed" and program.error is not None:
        where = f" at {program.error.frames[-1]}" if program.error.frames else ""
        first = program.error.message.splitlines()[0] if program.error.message else ""
        msg = f"{spec} failed{where}: {program.error.type}: {first}".rstrip(": ")
        raise ProgramError(msg)
    if payload.get("odd"):
        msg = f"{spec} gives {payload['odd']}, where a DataLoader is wanted, or several in a tuple or dict"
        raise UsageError(msg)
    rows = payload.get("feeding") or []
    if seen.failure and not rows:
        raise InternalError(seen.failure)
    if rows and rows[0]["alone"] is not None:
        return
    if payload.get("failed"):
        msg = f"the loader of {spec} failed: {payload['failed']}"
    elif rows and program.state != "timeout":
        n, drops = payload["samples"][0], payload["drops"][0]
        size = "" if n is None else f": its data set has {n:,} samples"
        cut = f", its batches have {rows[0]['batch_size']}, and drop_last leaves the rest out" if n and drops else ""
        msg = f"the loader of {spec} gives no batch{size}{cut}"
    else:
        msg = f"{spec} gave no batch within {START:.0f} seconds"
    raise ProgramError(msg)


def _facts(seen: Run, payload: dict[str, Any]) -> Facts:
    def rows(kind: Any, key: str) -> Any:
        return tuple(from_json(kind, r) for r in payload.get(key) or ())

    program = dataclasses.replace(seen.program, backwards=int(payload.get("steps") or 0))
    return Facts(
        program=program,
        feeding=rows(FeedingFact, "feeding"),
        transfers=rows(TransferFact, "transfers") or None,
        evaluation_times=rows(EvaluationTimeFact, "evaluation_times") or None,
    )


def _nothing(facts: Facts, payload: dict[str, Any]) -> str:
    """Return why nothing of a program's loaders is known."""
    program = facts.program or ProgramFact("ended")
    if not program.training:
        return failure_sentence(facts)
    if not payload.get("loaders"):
        return "no DataLoader feeds the training; the program draws its batches itself"
    return "the training uses none of the batches that the program's loaders give"


def _reported(
    facts: Facts,
    name: str,
    rules: Sequence[Rule],
    started: float,
    payload: dict[str, Any],
    again: str,
    reason: str | None = None,
) -> Report:
    """Judge, and return the report; ``again`` is the command that makes it, ``reason`` why nothing is known."""
    found: list[Finding] = []
    unknown: dict[str, str] = {}
    clear: list[str] = []
    gaps = words.unmeasured(facts, gpu=bool(payload.get("gpu")))
    for rule in rules:
        said = rule.judge(facts) if reason is None and rule.code not in gaps else None
        if said is None:
            unknown[rule.code] = reason or gaps.get(rule.code, "not measured")
            continue
        found += said
        clear += [] if said else [rule.code]
    findings = tuple(with_diffs(f, Path.cwd()) for f in order(found))
    cause = next((f for f in findings if f.severity is not Severity.NOTE), None)
    state = State.FAILED if cause else State.UNKNOWN if reason else State.PASSED
    main = facts.feeding[0] if facts.feeding else None
    notes = tuple(line for f in facts.feeding or () for line in words.notes(f, facts.evaluation_times or ()))
    if payload.get("failed"):
        notes += (f"cut short: {payload['failed']}",)
    notes += (payload["changed"],) if payload.get("changed") else ()
    summary = words.summary(main) if main is not None else (reason or "nothing was timed")
    figures = words.figures(facts)
    row = RungResult(RUNG, NAME, state, summary, time.monotonic() - started, figures, unknown, tuple(clear), notes)
    program = facts.program or ProgramFact("ended")
    failed = reason is not None and not program.training
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict="broken" if cause else "undecided" if reason else "healthy",
        sentence=words.sentence(cause, main, reason),
        cause=cause,
        findings=findings,
        rungs=(row,),
        environment=environment(facts),
        seconds=time.monotonic() - started,
        next=_next(cause, again),
        error=_error(program) if failed else None,
        exit_status=ProgramError.exit_status if failed else 0,
    )


def _next(cause: Finding | None, again: str) -> str | None:
    """Return the next command, None for that of a finding with a diff."""
    if cause is not None and any(fix.diff for fix in cause.fixes):
        return None
    return f"change the loader, then: {again}" if cause is not None else "torchladder watch SCRIPT"


def _error(program: ProgramFact) -> dict[str, Any] | None:
    error = program.error
    return {"type": error.type, "message": error.message, "traceback": error.traceback} if error else None
