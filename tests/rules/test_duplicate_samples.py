"""duplicate-samples on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.duplicate_facts import DuplicateFact, TwinFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.data.duplicate_samples import duplicate_samples as rule

PAIRS = (TwinFact("a.png", "b.png", ("cat", "dog")), TwinFact("c.png", "d.png", ("cat", "cat")))
EQUAL = DuplicateFact(0, 0, True, "pictures", 1000, 1000, 50, 50, 50, 0, 45, 4, 0.09, 300.0, examples=PAIRS)
NEAR = replace(EQUAL, exact=False, bits=None)


@pytest.mark.parametrize("d", [EQUAL, NEAR])
def test_copies_within_a_side_are_a_remark(d: DuplicateFact) -> None:
    """They are shown with the labels that differ."""
    (found,) = rule.judge(Facts(duplicates=(d,))) or []

    assert found.severity is Severity.NOTE
    assert found.seen[-1].value == "a.png (cat) = b.png (dog), c.png = d.png"
    assert found.notes[0] == "45 groups, the largest of 4"


@pytest.mark.parametrize("d", [EQUAL, NEAR])
def test_copies_with_other_labels_are_a_warning(d: DuplicateFact) -> None:
    """One of each pair is wrong."""
    (found,) = rule.judge(Facts(duplicates=(replace(d, conflicts=30),))) or []

    assert found.severity is Severity.WARNING
    assert found.message == "30 copies among the training pictures contradict their originals' label"


def test_pictures_that_may_be_two_of_one_thing_do_not_contradict() -> None:
    """A shirt and a pullover photographed alike."""
    (found,) = rule.judge(Facts(duplicates=(replace(NEAR, conflicts=30, clear=5),))) or []

    assert found.severity is Severity.NOTE


@pytest.mark.parametrize(
    "d",
    [
        replace(EQUAL, shared=0),
        replace(EQUAL, shared=2),
        replace(EQUAL, shared=20, compared=100_000),
        replace(EQUAL, bits=20.0),
        replace(EQUAL, bits=None),
        replace(EQUAL, second=1),
        replace(NEAR, unknown="too many samples"),
    ],
)
def test_silent(d: DuplicateFact) -> None:
    """None, two, one in five thousand, dice, unknown, across sides (another rule's), nobody looked."""
    assert rule.judge(Facts(duplicates=(d,))) == []
