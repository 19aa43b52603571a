"""When the halves of the data show that held-out samples need their counterparts."""

import pytest

from torchladder.core.facts import Facts
from torchladder.core.scaling_facts import CounterpartsFact, HalfFact
from torchladder.rules.outcome.too_good import too_good


def facts(*, train: float | None = 0.99, **more) -> Facts:
    """Return a run whose 400 held-out samples each need their own half."""
    runs = tuple(HalfFact(0.5, i, 300, 600, 190, 10, 0.6, rows=400, train_accuracy=train) for i in (0, 1))
    known = {"rows": 400, "classes": 8, "first": 0.58, "second": 0.57, "full": 0.99, "one": 320, "agreement": -0.7}
    return Facts(halves=runs, counterparts=CounterpartsFact(**(known | more)), evaluations=())


def found(**more) -> int:
    """Return how many findings there are."""
    return len(too_good.judge(facts(**more)) or [])


def test_samples_that_need_their_own_half_are_reported() -> None:
    """The correlation is the evidence, beside the leap of the full run."""
    (finding,) = too_good.judge(facts()) or []

    assert finding.severity.value == "warning"
    assert finding.seen[0].value == -0.7


@pytest.mark.parametrize(
    "more",
    [
        {"agreement": 0.5},  # what is hard is hard for both
        {"agreement": -0.1},  # no more than chance
        {"agreement": None},
        {"rows": 80},
        {"rows": 400, "agreement": -0.22},  # below the limit, yet within five standard errors
        {"classes": 60},  # classes of a few samples
        {"full": 0.62},  # both halves together know no more than either
        {"train": 0.7},  # not memorised
        {"train": None},
    ],
)
def test_what_less_than_a_leak_explains_is_left_alone(more) -> None:
    """Each condition alone keeps the rule silent."""
    assert found(**more) == 0


def test_without_the_halves_it_does_not_know() -> None:
    """Rung 6 was not climbed, or its halves could not be run."""
    assert too_good.judge(Facts(evaluations=())) is None
