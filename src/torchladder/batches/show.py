"""A batch as a report: the contract line by line, the picture beside it, and what the rules of rung 1 say."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import torchladder
from torchladder.batches.columns import lines, summary
from torchladder.batches.contract import Clause, clauses
from torchladder.batches.take import Taken
from torchladder.core.batch_facts import BatchFact
from torchladder.core.errors import InternalError
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity, Standing
from torchladder.core.report import Report, RungResult, State
from torchladder.inspection.run import judged
from torchladder.inspection.selection import chosen as of_all
from torchladder.ladder import pictures, rungs
from torchladder.ladder.arbitrate import order
from torchladder.ladder.environment import environment
from torchladder.ladder.failure import error_of, failure_sentence
from torchladder.ladder.pictures import Batch, figure
from torchladder.ladder.selection import chosen
from torchladder.ladder.subject import Subject
from torchladder.runner.target import Target

Keep = Callable[[str, bytes], None]
PROGRAM_FAILED = 3  # exit status
TEXTS_SHOWN, CHARACTERS = 5, 60
STATES = {True: State.PASSED, False: State.FAILED, None: State.UNKNOWN}


def of_program(
    target: Target,
    budget: float,
    progress: Callable[[str], None],
    keep: Keep,
    rules: tuple[Sequence[str], Sequence[str]],
) -> Report:
    """Run a program to its first steps and report the batch that its model was given."""
    started = time.monotonic()
    with Subject(target, budget, progress) as subject:
        progress("running the program to its first steps")
        seen = subject.observe()
        if seen.failure and not seen.payload:
            raise InternalError(seen.failure)
    facts = subject.facts
    found = [f for r in chosen(*rules) if r.rung == 1 for f in r.judge(facts) or () if f.standing is Standing.PROVEN]
    if subject.batch is None:
        return Report(
            1, torchladder.__version__, target.name, "undecided", failure_sentence(facts), None, (), (),
            environment(facts), time.monotonic() - started, error=error_of(facts), exit_status=PROGRAM_FAILED,
        )  # fmt: skip
    fact = fact_of_program(facts, subject.batch)
    kept = [*clauses(fact)]
    call = rungs.first_loss(facts)
    due = rungs.contract(rungs.entry(facts), call).get("y_dtype_expected")
    if call is not None and due is not None and call.target is not None:
        mine = Clause("labels", call.target.dtype, f"{due} for {call.function}", call.target.dtype == due)
        kept = [*(c for c in kept if c.about != "labels"), mine]
    report = _report(target.name, subject.batch, kept, order(found), (), started, {})
    return pictures.added(report, subject.batch, keep)


def fact_of_program(facts: Facts, batch: Batch) -> BatchFact:
    """Return the figures of the batch that the model of a program was given."""
    from torchladder.batches.contract import kind_of

    x, call = rungs.entry(facts), rungs.first_loss(facts)
    y = call.target if call is not None else None
    target: dict[str, Any] = {}
    if y is not None:
        target = {"y_shape": y.shape, "y_dtype": y.dtype, "y_whole": y.integral, "y_values": y.n_unique or 0}
    if x is None or tuple(x.shape) != batch.shape:
        return BatchFact(batch.shape, batch.dtype, kind_of(batch.shape, batch.dtype), **target)
    lost = x.n_nan + x.n_inf
    return BatchFact(
        x.shape,
        x.dtype,
        kind_of(x.shape, x.dtype),
        x.min,
        x.max,
        x.mean,
        x.std,
        lost,
        named=bool(batch.names),
        **target,
    )


def of_taken(
    name: str, found: Taken, keep: Keep, rules: tuple[Sequence[str], Sequence[str]], *, program: bool
) -> Report:
    """Report a batch of a loader, or (``program`` False) samples as they lie on disk, which keep no contract."""
    started = time.monotonic()
    facts = Facts(batches=(found.fact,) if program else ())
    said = judged(facts, of_all(*rules))
    columns = summary(found.blocks) if found.blocks and found.columns else []
    kept = clauses(found.fact) if program else []
    report = _report(
        name, found.batch, kept, said.findings, found.told, started, {"columns": columns} if columns else {}
    )
    return pictures.added(report, found.batch, keep)


def _report(
    name: str,
    batch: Batch,
    kept: Sequence[Clause],
    findings: list[Finding],
    told: Sequence[str],
    started: float,
    figures: dict[str, Any],
) -> Report:
    notes = [*told, *_channels(batch), *_labels(batch), *lines(figures.get("columns") or [])]
    if batch.texts:
        notes += _texts(batch)
    elif not figures.get("columns"):
        notes += pictures.table(batch)
    cause = next((f for f in findings if f.severity is not Severity.NOTE), None)
    broken = [c for c in kept if c.kept is False]
    state = State.FAILED if cause is not None else State.PASSED
    line = f"{list(batch.shape)} {batch.dtype}" if not batch.texts else f"{batch.shape[0]:,} samples of text"
    checks: list[dict[str, Any]] = [
        {
            "check": c.about,
            "rules": [],
            "state": STATES[c.kept].value,
            "value": c.value,
            "expected": c.expected,
            "unknown": None,
        }
        for c in kept
    ]
    figures = figures | {"sides": [_side(name, batch, notes)], "checks": checks}
    row = RungResult(1, "data", state, line, time.monotonic() - started, figures)
    words = "the batch is what layers and losses take" if kept else "samples as they lie on disk; look at them"
    sentence = f"{cause.name}: {cause.message}" if cause else words
    if cause is None and broken:
        sentence = f"the training loop has to repair {', '.join(c.about for c in broken)} of this batch"
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict="broken" if cause else "undecided" if broken else "healthy",
        sentence=sentence,
        cause=cause,
        findings=tuple(findings),
        rungs=(row,),
        environment=environment(Facts()),
        seconds=time.monotonic() - started,
        next="look at the picture; then: torchladder data check"
        if pictures.as_pictures(batch)
        else "torchladder climb SCRIPT",
    )


def _side(name: str, batch: Batch, told: Sequence[str]) -> dict[str, Any]:
    """Return the batch as a row of the table that a check of data prints."""
    n = batch.shape[0]
    classes = None if batch.y is None else len(np.unique(batch.y)) if batch.y.ndim == 1 else None
    row = {"name": name, "kind": "batch", "samples": n, "read": n, "complete": True, "told": list(told), "labels": None}
    row |= {"shapes": {str(batch.shape[1:]): n}, "dtypes": {batch.dtype: n}} if batch.x.size and not batch.texts else {}
    if classes is not None and batch.y is not None and (batch.y.dtype.kind in "iub" or batch.names):
        row |= {"labels": "classes", "classes": len(batch.names) or classes, "balance": None}
    return row


def _channels(batch: Batch) -> list[str]:
    """Return the range of each channel of pictures, over the whole batch, and how the picture undoes normalisation."""
    found = pictures.as_pictures(batch)
    if found is None:
        return []
    last = batch.shape[-1] in pictures.COLOURS and len(batch.shape) == pictures.PICTURE
    key = "last" if last and batch.shape[1] not in (pictures.GREY, *pictures.COLOURS) else "first"
    low, high = batch.extents.get(f"{key}_low"), batch.extents.get(f"{key}_high")
    lines_ = []
    if low is not None and high is not None and len(low) <= pictures.COLOURS[-1]:
        spans = [f"{c} {figure(a)} to {figure(b)}" for c, a, b in zip(range(len(low)), low, high, strict=True)]
        lines_.append(f"channels: {', '.join(spans)}")
    return [*lines_, f"drawn: {found.note}"]


def _labels(batch: Batch) -> list[str]:
    words = [pictures.label(batch, i) for i in range(len(batch.x))]
    if not any(words) or batch.x.ndim == pictures.TABLE:
        return []
    return [f"labels: {', '.join(words[:8])}{' ...' if len(words) > 8 else ''}"]  # noqa: PLR2004 - one line


def _texts(batch: Batch) -> list[str]:
    out = []
    for i, text in enumerate(batch.texts[:TEXTS_SHOWN]):
        shown = repr(text)[1:-1]
        label = pictures.label(batch, i)
        out.append(f'"{shown[:CHARACTERS]}{"..." if len(shown) > CHARACTERS else ""}"{f" -> {label}" if label else ""}')
    return out
