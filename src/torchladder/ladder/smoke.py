"""The smoke test: does one training batch and one validation batch go through, and is anything saved?

Not a rung of the ladder but what one runs before it: seconds, not epochs.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import torchladder
from torchladder.core.errors import InternalError
from torchladder.core.facts import Facts, ProgramFact
from torchladder.core.findings import Finding, Severity, Standing
from torchladder.core.report import Report, RungResult, State
from torchladder.ladder import pictures, rungs
from torchladder.ladder.arbitrate import order
from torchladder.ladder.environment import environment
from torchladder.ladder.failure import error_of, failure_sentence
from torchladder.ladder.selection import chosen
from torchladder.ladder.subject import Subject, program_of
from torchladder.runner.target import Target

RUNG, NAME = 0, "smoke"
LONGEST = 60.0  # seconds; a program that has not evaluated by then does so after much more than one batch
RESERVE = 0.8  # share of the budget for the run itself
CHECKPOINTS = {".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".tar", ".pkl", ".pickle", ".npz", ".npy", ".joblib"}
SHOWN = 3  # file names that are written out
IN_MODEL = ("/torch/nn/", "/torch/autograd/", "/torch/_tensor.py")  # a crash here is not the loaders' doing
PROGRAM_FAILED = 3  # exit status


@dataclass(frozen=True, slots=True)
class Ran:
    """What of a training program was seen to work.

    Attributes:
        loss: At the first training step, None when no loss was seen.
        evaluated: Forward passes without gradients, or batches of an evaluation loader.
        files: What was written, into the scratch folder.
    """

    program: ProgramFact
    loss: float | None
    evaluated: int
    files: tuple[str, ...]


def smoke(
    target: Target,
    *,
    budget: float = 300.0,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[str, bytes], None] | None = None,
) -> Report:
    """Run one training and one validation batch of a program.

    Args:
        target: What to run.
        budget: Wall seconds it may take; it ends by itself after the first evaluation.
        select: Codes (or prefixes, or names) of rules that may name the cause of a crash; all when empty.
        ignore: Codes (or prefixes, or names) of rules to leave out.
        progress: Called with a short sentence whenever something new begins.
        keep: Called with the name and the bytes of each picture of the report.

    Returns:
        The report, with a single line for all that was tried.
    """
    started = time.monotonic()
    with Subject(target, budget, progress) as subject:
        progress("running one training and one validation batch")
        seen = subject.smoke(min(LONGEST, RESERVE * budget))
        if seen.failure and not seen.payload:
            raise InternalError(seen.failure)
        payload = seen.payload or {}
        evaluated = int(payload.get("eval_calls") or payload.get("eval_batches") or 0)
        ran = Ran(program_of(subject.facts), first_value(subject.facts), evaluated, subject.written())
    findings = causes(subject.facts, select, ignore) if ran.program.state == "crashed" else ()
    state, summary, figures = line(ran)
    notes: tuple[str, ...] = (rungs.data_line(subject.facts)[0],) if subject.facts.roots else ()
    notes += pictures.table(subject.batch) if subject.batch is not None else ()
    failed = (state is State.FAILED or not ran.program.training) and not findings
    row = RungResult(RUNG, NAME, State.FAILED if findings else state, summary, 0.0, figures, notes=notes)
    verdict = "broken" if findings else "healthy" if state is State.PASSED else "undecided"
    error = error_of(subject.facts) if not findings else None
    report = Report(
        schema=1,
        tool=torchladder.__version__,
        script=target.name,
        verdict=verdict,
        sentence=sentence(verdict, findings, ran, subject.facts),
        cause=findings[0] if findings else None,
        findings=findings,
        rungs=(row,),
        environment=environment(subject.facts),
        seconds=time.monotonic() - started,
        error=error,
        exit_status=PROGRAM_FAILED if failed and (error or not ran.program.training) else 0,
    )
    return pictures.added(report, subject.batch, keep)


def first_value(facts: Facts) -> float | None:
    """Return the differentiated loss of the first training step."""
    return next((c.losses[0] for c in facts.curves or () if c.losses), None)


def causes(facts: Facts, select: Sequence[str], ignore: Sequence[str]) -> tuple[Finding, ...]:
    """Return what the rules of the first two rungs say for certain of a crash."""
    found = [f for rule in chosen(select, ignore) if rule.rung <= 2 for f in rule.judge(facts) or ()]  # noqa: PLR2004
    error = facts.program.error if facts.program else None
    lines = {str(frame) for frame in error.frames} if error else set()
    certain = [f for f in found if f.standing is Standing.PROVEN and f.severity is Severity.ERROR]
    return tuple(order([f for f in certain if any(str(place) in lines for place in f.where)]))


def line(ran: Ran) -> tuple[State, str, dict[str, Any]]:
    """Return the state, the line and the figures of what ran."""
    program = ran.program
    trained = program.backwards > 0
    finite = ran.loss is not None and math.isfinite(ran.loss)
    parts = []
    if not trained:
        parts.append("no training step ran")
    elif ran.loss is None:
        parts.append("a backward pass ran, its loss is not known")
    else:
        step = "" if program.optimizer_steps else ", no optimizer step followed"
        parts.append(f"training step: loss {rungs.digits(ran.loss) if finite else ran.loss}{step}")
    saved = [f for f in ran.files if PurePath(f).suffix.lower() in CHECKPOINTS]
    if trained:
        went = "began" if program.state == "crashed" else "ran"
        parts.append(f"validation pass {went}" if ran.evaluated else "no validation pass was seen")
        parts.append(files_words("checkpoint written", saved) if saved else "no checkpoint written by then")
    figures: dict[str, Any] = {
        "trained": trained,
        "loss": ran.loss,
        "optimizer_steps": program.optimizer_steps,
        "validated": ran.evaluated > 0,
        "checkpoints": saved,
        "other_files": [f for f in ran.files if f not in saved],
        "ended": program.state,
        "seconds": program.seconds,
    }
    return state_of(ran, finite=finite), "; ".join([*parts, *end_words(program)]), figures


def state_of(ran: Ran, *, finite: bool) -> State:
    """Return whether what ran was in order; a crash that the cut loaders may have caused is not judged."""
    program = ran.program
    if program.state in {"crashed", "killed"} or (program.state == "exited" and program.exit_status):
        return State.FAILED if not program.training or crashed_in_model(program) else State.UNKNOWN
    if not program.training:
        return State.UNKNOWN
    return State.PASSED if finite else State.FAILED


def crashed_in_model(program: ProgramFact) -> bool:
    """Tell whether the exception came from a model's forward, a loss or a backward pass."""
    return program.error is not None and any(part in program.error.traceback for part in IN_MODEL)


def end_words(program: ProgramFact) -> list[str]:
    """Return how the run ended, where that is not by our own stop after the validation pass."""
    if program.state == "crashed" and program.error is not None:
        cut = (
            ""
            if not program.training or crashed_in_model(program)
            else ", perhaps as its loaders were cut to one batch"
        )
        return [f"{'then ' if program.training else ''}it failed with {program.error.type}{cut}"]
    if program.state == "timeout":
        return [f"stopped after {program.seconds:.0f} s"]
    if program.state in {"killed", "exited"}:
        return [f"it ended with status {program.exit_status}"] if program.exit_status else []
    return []


def files_words(what: str, files: Sequence[str]) -> str:
    """Return file names in a few words."""
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return f"{what} ({', '.join(files[:SHOWN])}{more})"


def sentence(verdict: str, findings: tuple[Finding, ...], ran: Ran, facts: Facts) -> str:
    """Return the verdict in one sentence."""
    if findings:
        where = f" at {findings[0].where[0]}" if findings[0].where else ""
        return f"{findings[0].name}{where}: {findings[0].message}"
    if verdict == "healthy":
        both = "a training step and a validation pass" if ran.evaluated else "a training step"
        return f"{both} went through; whether it learns is for torchladder climb to say"
    if ran.loss is not None and not math.isfinite(ran.loss):
        return f"the loss of the first training step is {ran.loss}"
    return failure_sentence(facts)
