"""Transfer bound: fires on copies that are a good part of a step, and knows when page-locked memory helps."""

import dataclasses

import pytest

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import TransferFact
from torchladder.core.findings import Place
from torchladder.rules.feeding.transfer_bound import transfer_bound as rule_

SLOW = TransferFact(Place("t.py", 4), 50 << 20, pinned=False, seconds=0.02, pinned_seconds=0.005, computing=0.03)


def judge(**parts):
    return rule_.judge(Facts(transfers=(dataclasses.replace(SLOW, **parts),)))


def test_a_copy_that_takes_two_fifths_of_a_step_is_found():
    """Twenty of fifty milliseconds, and page-locked memory was measured."""
    (found,) = judge()

    assert found.message == "the copy of a batch to the GPU takes 40% of a step"
    assert found.where == (Place("t.py", 4),)
    assert found.fixes[0].verified
    assert (found.fixes[0].before.value, found.fixes[0].after.value) == (20.0, 5.0)


@pytest.mark.parametrize("parts", [{"pinned": True}, {"pinned_seconds": 0.018}, {"pinned_seconds": None}])
def test_page_locked_memory_is_not_advised_where_it_does_not_help(parts):
    """It is there already, it is no faster, or nobody knows."""
    (found,) = judge(**parts)

    assert not found.fixes[0].verified
    assert "smaller types" in found.fixes[0].title


@pytest.mark.parametrize(
    "parts",
    [
        {"computing": 0.2},  # a tenth of the step
        {"seconds": 0.0005, "computing": 0.0001},  # the start of a copy is all of it
        {"computing": None},  # nothing is trained
    ],
)
def test_silent_on_look_alikes(parts):
    """Small shares, tiny batches, unknown steps."""
    assert judge(**parts) == []


def test_without_a_gpu_nobody_looked():
    """No copy, no word."""
    assert rule_.judge(Facts(feeding=())) is None
    assert rule_.judge(Facts(transfers=())) == []


def test_the_slowest_is_told():
    """One finding a run."""
    other = dataclasses.replace(SLOW, place=Place("t.py", 9), seconds=0.05)
    (found,) = rule_.judge(Facts(transfers=(SLOW, other)))

    assert found.where == (Place("t.py", 9),)
