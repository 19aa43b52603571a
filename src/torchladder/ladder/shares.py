"""The whole program on several shares of its training data: cheap runs for a scaling law."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from torchladder.core.errors import InternalError, UsageError
from torchladder.ladder.failure import failure_sentence
from torchladder.ladder.halves import HALF, NotMadeError, part
from torchladder.ladder.subject import Subject, program_of
from torchladder.rules.outcome.held_out import held_out
from torchladder.runner.target import Target

MEASURES = ("the held-out loss", "the held-out squared error", "the share of held-out samples that are wrong")
PATIENCE = 4.0  # times the seconds that a run is expected to take: nothing else waits for it

Told = Callable[[str], None]


def at_shares(
    target: Target, shares: Sequence[float], *, budget: float, progress: Told = lambda _: None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Run a program once in full and once on each share of its training data.

    Args:
        target: What to run.
        shares: Of the training samples; each is a run of its own, to the program's own end.
        budget: Wall seconds for all runs.
        progress: Called with a short sentence whenever something new begins.

    Returns:
        A row for each run (its share, its samples D, its held-out loss and accuracy), and why others are missing.

    Raises:
        UsageError: If the program gives nothing that could be compared.
    """
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    with Subject(target, budget, progress) as subject:
        progress("the whole program on all of its training data")
        seen = subject.observe()
        if seen.failure and not seen.payload:
            raise InternalError(seen.failure)
        if not program_of(subject.facts).training:
            raise UsageError(failure_sentence(subject.facts))
        with contextlib.suppress(AttributeError):
            if not subject.whole:
                subject.full(max(HALF * subject.left, 1.0))
        passes = held_out(subject.facts.evaluations or ())
        if not passes:
            msg = "the program evaluates nothing held out, so its runs have no loss to compare"
            raise UsageError(msg)
        for share in sorted(shares):
            progress(f"the whole program on {share:.0%} of its training data")
            try:
                row, _ = part(subject, share, 0, PATIENCE)
            except NotMadeError as why:
                missing.append(f"{share:.3g} of the data: {why}")
                continue
            rows.append(_row(f"share {share:g}", row.samples, row.loss, row.error, row.accuracy))
        whole = next((x.n_samples for x in subject.facts.loaders or () if x.role == "train" and x.n_samples), None)
        last = passes[-1]
        if subject.whole and whole:
            rows.append(_row("all", whole, last.loss, last.error, last.accuracy))
        else:
            missing.append("all of the data: the program was not followed to its own end")
    return rows, [_settle(rows), *missing]


def _row(name: str, samples: int, loss: float | None, error: float | None, accuracy: float | None) -> dict[str, Any]:
    """Return a run with every figure of its last held-out pass that is known."""
    wrong = None if accuracy is None else 1 - accuracy
    return {"name": name, "D": samples, "accuracy": accuracy, "figures": (loss, error, wrong)}


def _settle(rows: list[dict[str, Any]]) -> str:
    """Give every row the first figure that all of them have as its loss, and say which one that is."""
    figures = [row.pop("figures") for row in rows]
    chosen = next((i for i in range(len(MEASURES)) if all(f[i] is not None for f in figures)), None)
    for row, values in zip(rows, figures, strict=True):
        row["loss"] = None if chosen is None else values[chosen]
    return f"the loss is {MEASURES[chosen]}" if chosen is not None else "no figure is known of every run"
