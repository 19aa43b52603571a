"""odd-samples on facts written by hand."""

import pytest

from torchladder.core.duplicate_facts import OddFact, PicturesFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.data.odd_samples import WORDS
from torchladder.rules.data.odd_samples import odd_samples as rule


def judged(odd: OddFact, read: int = 1000):
    return rule.judge(Facts(pictures=(PicturesFact(0, "train", read, (odd,)),))) or []


@pytest.mark.parametrize("way", WORDS)
def test_a_single_odd_picture_is_named(way: str) -> None:
    """A remark, but for what no loader can bear."""
    (found,) = judged(OddFact(way, 1, "", ("x.png",)))

    assert found.severity is (Severity.WARNING if way == "huge" else Severity.NOTE)
    assert found.seen[1].value == "x.png"


def test_many_blank_pictures_are_a_warning() -> None:
    """One in fifty teaches its label to nothing."""
    (found,) = judged(OddFact("blank", 20, "", ("x.png",)))

    assert found.severity is Severity.WARNING
    assert found.message == "20 of 1,000 training pictures show nothing"


@pytest.mark.parametrize("way", ["blank", "dark", "bright"])
def test_silent_where_it_is_usual(way: str) -> None:
    """Masks are mostly black."""
    assert judged(OddFact(way, 600, "", ("x.png",))) == []


def test_nothing_odd_is_nothing_said_and_not_looked_is_not_known() -> None:
    """A side without odd pictures, and tables, which have none."""
    assert rule.judge(Facts(pictures=(PicturesFact(0, "train", 1000),))) == []
    assert rule.judge(Facts(pictures=())) == []
    assert rule.judge(Facts()) is None
