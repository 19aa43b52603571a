"""The rules about how a run came out, on hand-written curves; the states themselves are tested with the course."""

import math

import pytest

from tests.unit.rules.test_course import STEPS, facts, falling, passes
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import CurveFact, Facts
from torchladder.core.findings import Severity
from torchladder.core.outcome_facts import OutcomeFact
from torchladder.rules.registry import all_rules, find_rule

WHOLE = OutcomeFact(finished=True, steps=STEPS, epochs=5, seconds=1.0)
OUTCOMES = [r.name for r in all_rules() if r.code.startswith("TL60")]


def seen(made: Facts, **more) -> Facts:
    return Facts(curves=made.curves, evaluations=made.evaluations, loss_calls=made.loss_calls, outcome=WHOLE, **more)


def named(made: Facts) -> list[str]:
    found = []
    for name in OUTCOMES:
        rule = find_rule(name)
        assert rule is not None
        found += [f.name for f in rule.judge(made) or ()]
    return found


@pytest.mark.parametrize(
    ("losses", "held", "name"),
    [
        (falling(2.3, 0.01), [0.9, 0.5, 0.4, 0.5, 0.65, 0.8], "overfitting"),
        (falling(2.3, 1.8), [2.1, 1.95, 1.88, 1.83, 1.81], "underfitting"),
        (falling(2.3, 1.8)[:200] + (1.8,) * 400, [], "plateau"),
        ([1.0 if (i // 20) % 2 else 0.4 for i in range(STEPS)], [], "oscillating"),
        ([*falling(2.3, 0.3), *[math.nan] * 40], [], "diverged"),
    ],
)
def test_each_state_is_named_once(losses, held, name: str) -> None:
    """A run has one course."""
    assert [name] == named(seen(facts(losses, passes(held) if held else ())))


@pytest.mark.parametrize("held", [[1.0, 0.6, 0.45, 0.38, 0.35], []])
def test_a_healthy_course_brings_no_word(held) -> None:
    """With held-out passes and without."""
    assert [] == named(seen(facts(falling(2.3, 0.30), passes(held) if held else ())))


def test_standing_at_chance_needs_five_hundred_steps() -> None:
    """A slow start is not a verdict; a long one is a warning."""
    short, long = (facts([2.303, 2.301] * (n // 2), passes([2.303] * 5)) for n in (300, 600))

    assert [] == named(seen(short))
    assert ["not-learning"] == named(seen(long))


def test_two_networks_may_hold_each_other_at_chance() -> None:
    """Adversaries in balance are left alone."""
    made = facts([2.303, 2.301] * 300)
    both = Facts(
        curves=(*(made.curves or ()), CurveFact(1, (0.7,) * 100)),
        evaluations=(),
        loss_calls=made.loss_calls,
        outcome=WHOLE,
    )

    assert [] == named(both)


def test_worse_than_the_mean() -> None:
    """A held-out error above the variance, by more than chance."""
    bad, close = (
        Facts(
            evaluations=(EvaluationFact(0, 40, 0, "Net", None, 1, 400, kind="values", error=e, blind=1.0),),
            outcome=WHOLE,
        )
        for e in (1.3, 1.05)
    )
    rule = find_rule("below-baseline")
    assert rule is not None

    assert [1, 0] == [len(rule.judge(made) or ()) for made in (bad, close)]


def test_accuracy_given_up_on_purpose_is_left_alone() -> None:
    """A weighted loss may lie below its blind value with fewer right than the majority."""
    e = EvaluationFact(
        0, 40, 0, "Net", None, 1, 1000, kind="classes", accuracy=0.8, majority=0.9, loss=0.3, blind=0.33,
        loss_function="cross_entropy",
    )  # fmt: skip
    rule = find_rule("below-baseline")
    assert rule is not None

    assert [] == rule.judge(Facts(evaluations=(e,), outcome=WHOLE))


def test_how_a_run_came_out_is_a_note() -> None:
    """How a right program comes out is no fault of it; a split that shares samples is one."""
    above = [r.name for r in all_rules() if r.name in OUTCOMES and r.severity is not Severity.NOTE]

    assert ["too-good"] == above
