"""Evaluation too often: fires where it outweighs training, warns only within epochs."""

import dataclasses

import pytest

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import EvaluationTimeFact
from torchladder.core.findings import Place, Severity
from torchladder.rules.feeding.eval_too_often import eval_too_often as rule_

OFTEN = EvaluationTimeFact(Place("t.py", 30), passes=4, seconds=30.0, between=10.0, steps=100, each_epoch=False)


def judge(**parts):
    return rule_.judge(Facts(evaluation_times=(dataclasses.replace(OFTEN, **parts),)))


def test_evaluation_that_takes_three_quarters_of_the_time_is_found():
    """Thirty seconds after every ten of training; a tenth of the time is advised."""
    (found,) = judge()

    assert found.message == "evaluation takes 75% of the time"
    assert found.severity is Severity.WARNING
    assert found.fixes[0].title.startswith("evaluate every 27 times 100 steps")


def test_once_an_epoch_is_a_note():
    """It is the custom; the share is told all the same."""
    (found,) = judge(each_epoch=True)

    assert found.severity is Severity.NOTE
    assert "every 27 epochs" in found.fixes[0].title


@pytest.mark.parametrize(
    "parts",
    [
        {"seconds": 5.0},  # a third of the time
        {"seconds": 1.0, "between": 0.5},  # quick
        {"passes": 0},
        {"between": 0.0},  # nothing is trained between
    ],
)
def test_silent_on_look_alikes(parts):
    """Small shares, quick passes, no training beside."""
    assert judge(**parts) == []


def test_without_evaluation_nobody_looked():
    """Not having seen a pass is not having seen a short one."""
    assert rule_.judge(Facts(feeding=())) is None


def test_the_costliest_is_told():
    """One finding a run."""
    other = dataclasses.replace(OFTEN, place=Place("t.py", 50), seconds=90.0)
    (found,) = rule_.judge(Facts(evaluation_times=(OFTEN, other)))

    assert found.where == (Place("t.py", 50),)
