"""Still improving: fires on a fall that is cut off, is silent on near ones."""

from tests.diagnosis.logs import falling, log
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.outcome.still_improving import still_improving as rule_

LINE = [2.3 - 0.14 * i for i in range(10)]


def judge(train, held):
    return rule_.judge(Facts(logs=(log(train, held),)))


def test_a_straight_fall_that_ends_is_a_note() -> None:
    """The last fifth made as much as the others."""
    (found,) = judge(LINE, [v + 0.03 for v in LINE]) or ()

    assert found.severity is Severity.NOTE
    assert found.fixes[0].title.startswith("train on")


def test_a_fall_that_slowed_down_is_left_alone() -> None:
    """Most of it was made long before."""
    assert judge(falling(2.3, 0.9, 2.0), falling(2.3, 0.95, 2.0)) == []


def test_a_fall_that_is_nearly_done_is_left_alone() -> None:
    """What is left is a tenth of the start."""
    line = [2.3 - 0.23 * i for i in range(10)]

    assert judge(line, line) == []


def test_far_and_slow_is_underfitting_not_this() -> None:
    """More of the same would not be enough."""
    line = [2.3 - 0.02 * i for i in range(20)]

    assert judge(line, line) == []
