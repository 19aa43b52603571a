"""The rungs above one batch: what is asked at each, by number."""

from collections.abc import Callable
from typing import Any

from torchladder.core.report import State
from torchladder.ladder import errors, full, subset
from torchladder.ladder.lr import rung_five
from torchladder.ladder.subject import Subject

FULL = 6

Line = tuple[State, str, dict[str, Any], tuple[str, ...]]


def learning_rate(subject: Subject) -> Line:
    """Return rung 5's state, line, figures and notes."""
    row = rung_five(subject, keep=subject.keep)
    return row.state, row.summary, row.facts, row.notes


RUNGS: dict[int, Callable[[Subject], Line]] = {
    4: subset.rung_four,
    5: learning_rate,
    FULL: full.rung_six,
    7: errors.rung_seven,
}
