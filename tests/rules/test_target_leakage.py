"""target-leakage on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import facts, survey
from torchladder.core.data_facts import StumpFact
from torchladder.core.findings import Place, Severity
from torchladder.rules.data.target_leakage import target_leakage as rule

LEAK = StumpFact(5, 6, 1.0, 0.83, 0.7, 1200)


def test_a_column_that_knows_is_a_warning() -> None:
    """Named, with the line that names it, where there is one."""
    (found,) = rule.judge(facts(survey(stump=LEAK))) or []
    (named,) = rule.judge(facts(survey(stump=replace(LEAK, name="ticket", place=Place("train.py", 3))))) or []

    assert found.severity is Severity.WARNING
    assert "column 5 of 6" in found.message
    assert "`ticket`" in named.message
    assert named.where[0].line == 3


def test_the_label_under_other_names_is_a_warning_however_easy_the_task() -> None:
    """The others are good as well, but not always right."""
    (found,) = rule.judge(facts(survey(stump=replace(LEAK, rest=0.97, renamed=True)))) or []

    assert "is the label under other names" in found.message


@pytest.mark.parametrize(
    "stump",
    [
        None,
        replace(LEAK, rest=1.0, renamed=True),
        replace(LEAK, rest=0.7, renamed=True),
        replace(LEAK, alone=0.95),
        replace(LEAK, rest=0.99),
        replace(LEAK, rest=0.7),
        replace(LEAK, rest=0.95, alone=0.99),
        replace(LEAK, n=80),
        replace(LEAK, columns=2),
    ],
)
def test_silent(stump: StumpFact | None) -> None:
    """Strong columns, easy tasks, tasks that are one column, few samples, two columns."""
    assert rule.judge(facts(survey(stump=stump))) == []
