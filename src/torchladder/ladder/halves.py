"""Rung 6: the program on each of two halves of its training data, beside its own full run.

The halves have no sample in common. They are two runs of one size, so that what chance does to a run is seen, and
each held-out sample is predicted with and without either half. A quarter follows only where the full run does worse
than both. Smaller parts of the data a climb can afford are too few for a fitted law: see ``torchladder.scaling``.
"""

import contextlib
import dataclasses
import io
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.scaling_facts import CounterpartsFact, HalfFact
from torchladder.ladder.errors import as_labels
from torchladder.ladder.subject import Subject, program_of
from torchladder.rules.outcome.held_out import held_out, score_words
from torchladder.rules.outcome.sizes import worse

HALF = 0.5
QUARTER = 0.25
SHARE_OF_BUDGET = 0.7  # of what is left: both halves are over by then, or not begun
START = 2.0  # seconds a run takes besides its steps
PATIENCE = 1.5  # times the seconds that half a run is expected to take
STEPS_APART = 0.2  # relative difference from half the full run's steps: with more the epochs differ
KEPT = 0.9  # of the samples asked for: smaller data is not halved

Bits = NDArray[np.bool_]
Labels = NDArray[np.int64]


class NotMadeError(Exception):
    """Why the halves say nothing."""


def halve(subject: Subject) -> None:
    """Run both halves, and keep what they gave among the facts, or why nothing can be told."""
    started = time.monotonic()
    try:
        _require_comparable(subject)
        subject.progress("the whole program on each half of its training data")
        made = [part(subject, HALF, i) for i in (0, 1)]
        runs = tuple(run for run, _ in made)
        if worse(held_out(subject.facts.evaluations or ()), runs):
            with contextlib.suppress(NotMadeError):
                runs = (*runs, part(subject, QUARTER, 0)[0])
        subject.facts = dataclasses.replace(subject.facts, halves=runs)
        found = paired(subject.predictions, *(stored for _, stored in made))
        subject.facts = dataclasses.replace(subject.facts, counterparts=found)
    except NotMadeError as why:
        subject.fail("halves" if subject.facts.halves is None else "counterparts", str(why))
    subject.spent["halves"] = time.monotonic() - started


def notes(runs: tuple[HalfFact, ...] | None) -> tuple[str, ...]:
    """Return what is shown of the halves: their scores, which tell what more data has brought so far."""
    scored = [_as_pass(r) for r in (runs or ())[:2]]
    if not scored or any(e.accuracy is None and e.error is None and e.loss is None for e in scored):
        return ()
    return (f"held out with one half of the training data: {' and '.join(map(score_words, scored))}",)


def _as_pass(row: HalfFact) -> EvaluationFact:
    figures = {"accuracy": row.accuracy, "loss": row.loss, "error": row.error}
    return EvaluationFact(0, row.steps, 0, "", None, 1, row.rows, **figures)  # type: ignore[arg-type]


def _require_comparable(subject: Subject) -> None:
    """Raise NotMadeError where no halves can be compared with the full run, or there is no time for them."""
    facts = subject.facts
    if not subject.whole:
        msg = "the program was not followed to its own end"
    elif not held_out(facts.evaluations or ()):
        msg = "no pass over held-out data was seen"
    elif not any(x.role == "train" and x.n_samples for x in facts.loaders or ()):
        msg = "no DataLoader serves its training data"
    elif 2 * _seconds(facts, HALF) > SHARE_OF_BUDGET * subject.left:
        msg = "there was no time for it"
    else:
        return
    raise NotMadeError(msg)


def _seconds(facts: Facts, share: float) -> float:
    """Return how long a part is expected to take."""
    return START + share * program_of(facts).seconds


def part(subject: Subject, share: float, number: int, patience: float = PATIENCE) -> tuple[HalfFact, bytes | None]:
    """Run the program on one part of its training data; returns its row and its last held-out predictions."""
    before = subject.facts
    seconds = patience * _seconds(before, share) + START
    trained = [
        [x.place.path if x.place else None, x.place.line if x.place else None, x.n_samples]
        for x in before.loaders or ()
        if x.role == "train"
    ]
    small = {"share": share, "part": number, "loaders": trained, "seconds": seconds}
    facts, payload = subject.observed("subset", {"small": small, "plan": {"dense_steps": 2}}, seconds + START)
    kept = payload.get("kept") or {}
    samples, of = int(kept.get("samples") or 0), int(kept.get("of") or 0)
    steps, whole = int(payload.get("steps") or 0), program_of(before).optimizer_steps
    if program_of(facts).state != program_of(before).state:
        msg = "on a part of its data the program did not come to its end"
    elif not of or abs(samples - share * of) > (1 - KEPT) * share * of:
        msg = "its training samples could not be divided"
    elif abs(steps - whole * samples / of) > STEPS_APART * whole * samples / of:
        msg = f"on {samples} of {of} samples it makes {steps} steps instead of {whole}, so other epochs"
    elif not held_out(facts.evaluations or ()):
        msg = "no pass over held-out data was seen"
    else:
        row = HalfFact(share, number, samples, of, steps)
        return _row(held_out(facts.evaluations or ()), row), _read(payload.get("predictions"))
    raise NotMadeError(msg)


def _row(passes: tuple[EvaluationFact, ...], row: HalfFact) -> HalfFact:
    """Return the row with the figures of the last pass."""
    last = passes[-1]
    return dataclasses.replace(
        row,
        passes=len(passes),
        accuracy=last.accuracy,
        loss=last.loss,
        error=last.error,
        rows=last.rows,
        train_accuracy=last.train_accuracy,
    )


def _read(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path is not None and Path(path).is_file() else None


def paired(full: bytes | None, *halves: bytes | None) -> CounterpartsFact:
    """Return what the three runs were right on; NotMadeError where they did not predict the same samples in order."""
    runs = [verdicts(stored) for stored in (full, *halves)]
    known = [r for r in runs if r is not None]
    if len(known) < len(runs):
        msg = "no predictions with one label a sample were seen"
        raise NotMadeError(msg)
    truth = known[0][1]
    if not all(np.array_equal(truth, labels) for _, labels in known):
        msg = "its runs evaluate other samples, or in another order"
        raise NotMadeError(msg)
    whole, first, second = (right for right, _ in known)
    return CounterpartsFact(
        rows=len(truth),
        classes=len(np.unique(truth)),
        first=float(first.mean()),
        second=float(second.mean()),
        full=float(whole.mean()),
        one=int((first != second).sum()),
        agreement=agreement(first, second, truth),
    )


def verdicts(stored: bytes | None) -> tuple[Bits, Labels] | None:
    """Return which samples were predicted right, and their labels, of predictions with one label a sample."""
    if stored is None:
        return None
    try:
        with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
            output, target = arrays["output"], arrays["target"]
    except (OSError, ValueError, KeyError):
        return None
    found = as_labels(output, target) if target.size == len(target) else None
    return None if found is None else (found[0].reshape(-1) == found[1].reshape(-1), found[1].reshape(-1))


def agreement(first: Bits, second: Bits, labels: Labels) -> float | None:
    """Return the correlation of two verdicts within the classes; None where one of them never differs there.

    Within the classes, since two models that prefer different classes disagree about every sample of both.
    """
    a, b = first.astype(float), second.astype(float)
    for label in np.unique(labels):
        of_class = labels == label
        a[of_class] -= a[of_class].mean()
        b[of_class] -= b[of_class].mean()
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / scale if scale > 0 else None
