"""When a full run is worse than the same program on half of its data."""

import pytest

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.outcome_facts import OutcomeFact
from torchladder.core.scaling_facts import HalfFact
from torchladder.rules.outcome.above_scaling_line import above_scaling_line

FULL = ((0.9, 0.3), (0.5, 1.5), (0.48, 1.6))  # accuracy and loss of its passes
PARTS = ((0.93, 0.25), (0.94, 0.24), (0.85, 0.5))  # of both halves and the quarter


def evaluation(index: int, accuracy: float | None, loss: float | None, error: float | None = None) -> EvaluationFact:
    """Return a pass over 400 held-out samples."""
    return EvaluationFact(index, 100 * index, 0, "Net", None, 4, 400, data=1, accuracy=accuracy, loss=loss, error=error)


def part(number: int, accuracy: float | None, loss: float | None, error: float | None = None) -> HalfFact:
    """Return a run on a part of the data."""
    share = 0.5 if number < 2 else 0.25
    return HalfFact(share, number % 2, int(800 * share), 800, int(300 * share), 3, accuracy, loss, error, 400)


def found(full=FULL, parts=PARTS) -> int:
    """Return how many findings there are."""
    halves = tuple(part(i, *p) for i, p in enumerate(parts))
    passes = tuple(evaluation(i, *e) for i, e in enumerate(full))
    facts = Facts(halves=halves, evaluations=passes, outcome=OutcomeFact(True, 300, 3, 9.0))
    return len(above_scaling_line.judge(facts) or [])


def test_worse_than_both_halves_in_every_figure_is_reported() -> None:
    """Accuracy fell by forty points and the loss rose sixfold."""
    assert found() == 1


def test_errors_of_values_are_judged_as_losses_are() -> None:
    """Regression has no accuracy."""
    full, parts = [(None, None, 0.9)] * 2, [(None, None, 0.2), (None, None, 0.25), (None, None, 0.4)]

    assert found(full, parts) == 1


@pytest.mark.parametrize(
    ("full", "parts"),
    [
        (((0.95, 0.2), (0.95, 0.2)), PARTS),  # better
        (((0.9, 0.3), (0.92, 0.26), (0.5, 1.5)), PARTS),  # one bad pass
        (((0.91, 0.9), (0.91, 0.9)), PARTS),  # overconfident, yet as often right
        (((0.5, 0.3), (0.5, 0.3)), PARTS),  # as sure as before
        (FULL, (PARTS[0], (0.45, 1.7), PARTS[2])),  # one half is as bad: chance
        (FULL, (*PARTS[:2], (0.95, 0.2))),  # the quarter is best: it was never falling
        (FULL, PARTS[:2]),  # no quarter
        (FULL, ()),
        ((), PARTS),
    ],
)
def test_less_than_that_is_left_alone(full, parts) -> None:
    """Each condition alone keeps the rule silent."""
    assert found(full, parts) == 0


def test_without_the_halves_it_does_not_know() -> None:
    """Rung 6 was not climbed."""
    assert above_scaling_line.judge(Facts(evaluations=(), outcome=OutcomeFact(True, 1, 1, 1.0))) is None
