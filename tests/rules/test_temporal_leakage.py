"""temporal-leakage on facts written by hand."""

from dataclasses import replace

from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.core.shift_facts import TimesFact
from torchladder.rules.data.temporal_leakage import temporal_leakage as rule

MIXED = TimesFact(0, "day", True, "2020-01-01", "2024-12-30", "2020-01-03", "2024-12-31", 0.999, 0.0, 500)


def test_held_out_samples_before_the_end_of_training_are_a_warning() -> None:
    """A random split of data with times."""
    (found,) = rule.judge(Facts(times=(MIXED,))) or []

    assert found.severity is Severity.WARNING
    assert found.seen[1].value == "2020-01-01 to 2024-12-30"


def test_a_split_the_wrong_way_round_is_called_so() -> None:
    """All of the held-out side lies before training."""
    (found,) = rule.judge(Facts(times=(replace(MIXED, earlier=1.0, before=1.0),))) or []

    assert "earlier than all" in found.message


def test_a_time_known_by_its_name_only_is_a_remark() -> None:
    """What was inferred is never held against the user."""
    (found,) = rule.judge(Facts(times=(replace(MIXED, named=False),))) or []

    assert found.severity is Severity.NOTE


def test_a_split_by_time_is_silent() -> None:
    """Also with a few late records."""
    assert rule.judge(Facts(times=(replace(MIXED, earlier=0.0),))) == []
    assert rule.judge(Facts(times=(replace(MIXED, earlier=0.01),))) == []
