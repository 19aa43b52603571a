"""group-leakage on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.core.shift_facts import GapFact, GroupingFact
from torchladder.rules.data.group_leakage import group_leakage as rule

MIXED = GroupingFact(0, "subject", True, 10, 10, 10, 557, 557, 167.0, (("3", "row 4", "row 9"),))
GAP = GapFact(0.979, 0.849, 0.18, 1200, 10)


def judge(*rows: GroupingFact, gaps: tuple[GapFact, ...] = ()) -> list[Finding]:
    """Return what the rule says."""
    return rule.judge(Facts(groupings=rows, gaps=gaps)) or []


def test_a_group_the_user_named_is_an_error() -> None:
    """The user said that these samples belong together, and they are on both sides."""
    (found,) = judge(MIXED)

    assert found.severity is Severity.ERROR
    assert "100%" in found.message
    assert "3: row 4 and row 9" in str(found.seen[-1].value)
    assert "--group subject" in found.fixes[0].title


def test_what_the_leak_is_worth_is_told() -> None:
    """The same model on groups that it knows and on new ones."""
    (found,) = judge(MIXED, gaps=(GAP,))

    assert (found.seen[1].value, found.seen[1].expected) == (0.979, 0.849)


def test_a_group_known_by_its_name_only_is_a_remark() -> None:
    """What was inferred is never held against the user."""
    (found,) = judge(replace(MIXED, named=False))

    assert found.severity is Severity.NOTE
    assert "--group" in found.notes[-1]


@pytest.mark.parametrize(
    "row",
    [
        replace(MIXED, shared=0, samples=0),
        replace(MIXED, samples=5),
        replace(MIXED, named=False, size=1.0),
    ],
)
def test_silent(row: GroupingFact) -> None:
    """No group is shared, a stray sample, a name of samples that looks like a group."""
    assert judge(row) == []


def test_the_side_that_leaks_most_is_named() -> None:
    """One finding is enough."""
    (found,) = judge(replace(MIXED, samples=100), replace(MIXED, held=1, samples=500))

    assert "90%" in found.message
