"""Rung 4: the whole program on a small share of its data, beside a control whose labels mean nothing."""

import dataclasses
import time
from typing import Any

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts, ProgramFact
from torchladder.core.outcome_facts import SubsetFact
from torchladder.core.report import State
from torchladder.ladder.rungs import digits
from torchladder.ladder.smoke import CHECKPOINTS
from torchladder.ladder.subject import Subject, program_of
from torchladder.rules.outcome.held_out import beats_blind, blind_words, held_out, score_words, standard_error

SHARE = 0.05  # of the training samples
SECONDS = 12.0  # for one of the two runs
SHARE_OF_BUDGET = 0.12  # of what is left
SECONDS_MIN = 4.0
FIFTH = 5
FALLEN = 0.9  # the last fifth of the losses below this share of the first counts as learning
CLEAR = 2.0  # standard errors between the program's labels and the control's
LOWER = 0.95  # an error below this share of the control's counts as lower

Line = tuple[State, str, dict[str, Any], tuple[str, ...]]


def rung_four(subject: Subject) -> Line:
    """Run the subset and its control, keep both among the facts, and return state, line, figures and notes."""
    seconds = min(SECONDS, max(SHARE_OF_BUDGET * subject.left, SECONDS_MIN))
    if subject.left < SECONDS_MIN:
        return State.UNKNOWN, "the budget was spent before it", {}, ()
    subject.progress("running the whole program on a small share of its data")
    data = small(subject, "data", seconds)
    control = None
    if data.reason is None and data.passes and subject.left > SECONDS_MIN:
        subject.progress("the same with labels that mean nothing")
        control = small(subject, "control", seconds, steps=data.steps)
    found = (data, control) if control is not None else (data,)
    subject.facts = dataclasses.replace(subject.facts, subsets=found)
    return line(subject.facts, data, control if control is not None and control.reason is None else None)


def small(subject: Subject, label: str, seconds: float, steps: int | None = None) -> SubsetFact:
    """Run the program on the subset once."""
    trained = [
        [x.place.path if x.place else None, x.place.line if x.place else None, x.n_samples]
        for x in subject.facts.loaders or ()
        if x.role == "train"
    ]
    options = {
        "small": {"share": SHARE, "loaders": trained, "seconds": seconds, "steps": steps, "blind": label == "control"},
        "plan": {"dense_steps": 2},
    }
    started = time.monotonic()
    facts, payload = subject.observed("subset", options, seconds + SECONDS_MIN)
    fact = fact_of(label, facts, payload, subject.written())
    if label == "control" and not payload.get("dealt"):
        fact = dataclasses.replace(fact, reason="its labels could not be dealt out anew")
    subject.spent[f"subset {label}"] = time.monotonic() - started
    return fact


def fact_of(label: str, facts: Facts, payload: dict[str, Any], files: tuple[str, ...]) -> SubsetFact:
    """Return the row of one such run."""
    program = program_of(facts)
    curve = max(facts.curves or (), key=lambda c: len(c.losses), default=None)
    losses = [v for v in curve.losses if v == v] if curve is not None else []  # noqa: PLR0124 - NaN is not itself
    passes = held_out(facts.evaluations or ())
    best = best_of(passes)
    n = max(len(losses) // FIFTH, 1)
    kept = payload.get("kept") or {}
    return SubsetFact(
        label=label,
        steps=int(payload.get("steps") or 0),
        passes=len(passes),
        samples=kept.get("samples"),
        of=kept.get("of"),
        first_loss=sum(losses[:n]) / n if losses else None,
        last_loss=sum(losses[-n:]) / n if losses else None,
        **({} if best is None else _scores(best)),
        files=files,
        state=program.state,
        reason=_failed(program) if losses else "no training step was seen",
    )


def best_of(passes: tuple[EvaluationFact, ...]) -> EvaluationFact | None:
    """Return the pass with the best score."""
    if not passes:
        return None
    if any(e.accuracy is not None for e in passes):
        return max(passes, key=lambda e: e.accuracy if e.accuracy is not None else -1.0)
    inf = float("inf")
    return min(passes, key=lambda e: e.error if e.error is not None else e.loss if e.loss is not None else inf)


def _scores(e: EvaluationFact) -> dict[str, Any]:
    names = ("kind", "accuracy", "majority", "loss", "loss_function", "error", "blind", "rows")
    return {name: getattr(e, name) for name in names}


def _failed(program: ProgramFact) -> str | None:
    """Return how the program failed on the subset, where it did."""
    if program.state == "crashed" and program.error is not None:
        first = program.error.message.splitlines()[0] if program.error.message else ""
        return f"on the subset it failed with {program.error.type}: {first}".rstrip(": ")
    if program.state == "killed" or (program.state == "exited" and program.exit_status):
        return f"on the subset it ended with status {program.exit_status}"
    return None


def line(facts: Facts, data: SubsetFact, control: SubsetFact | None) -> Line:
    """Return what is shown for rung 4."""
    figures = {"data": dataclasses.asdict(data)} | ({"control": dataclasses.asdict(control)} if control else {})
    if data.reason is not None:
        return State.UNKNOWN, data.reason, figures, ()
    some = f"{data.samples:,} of {data.of:,} samples" if data.samples and data.of else f"{data.steps} steps"
    words = [f"{some}: training loss {_loss(data.first_loss)} -> {_loss(data.last_loss)}"]
    saved = [f for f in data.files if "." in f and f".{f.rpartition('.')[2].lower()}" in CHECKPOINTS]
    notes = (f"written on the way: {', '.join(saved[:3])}",) if saved else ()
    learns = data.first_loss is not None and data.last_loss is not None and data.last_loss < FALLEN * data.first_loss
    if not data.passes:
        words.append("no validation pass was seen")
        return (State.PASSED if learns else State.UNKNOWN), "; ".join(words), figures, notes
    shown = _as_pass(data)
    words.append(f"held-out {score_words(shown)}, {blind_words(shown)}".rstrip(", "))
    if control is not None and (control.accuracy is not None or control.error is not None):
        words.append(f"{score_words(_as_pass(control))} with labels dealt out anew")
    better = beats_blind(shown)
    above = beats_control(data, control)
    if better and above is not False:
        return State.PASSED, "; ".join(words), figures, notes
    whole = [beats_blind(e) for e in held_out(facts.evaluations or ())]
    if any(whole):
        words.append("with all the data it does better than that")
        return State.PASSED, "; ".join(words), figures, notes
    if better is None and learns:
        return State.PASSED, "; ".join(words), figures, notes
    words.append("nothing held out is predicted better than blindly yet")
    return State.UNKNOWN, "; ".join(words), figures, notes


def beats_control(data: SubsetFact, control: SubsetFact | None) -> bool | None:
    """Tell whether the program's own labels gave a better held-out score than meaningless ones."""
    if control is None:
        return None
    if data.accuracy is not None and control.accuracy is not None:
        error = standard_error(control.accuracy, max(data.rows, 1))
        return data.accuracy > control.accuracy + CLEAR * error or _lower(data.loss, control.loss)
    if data.error is not None and control.error is not None:
        return _lower(data.error, control.error)
    return None


def _lower(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and a < LOWER * b


def _as_pass(row: SubsetFact) -> EvaluationFact:
    return EvaluationFact(0, row.steps, 0, "", None, 1, **_scores(row))  # type: ignore[arg-type]


def _loss(value: float | None) -> str:
    return "?" if value is None else digits(value)
