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
    (found,) = rule.judge(facts(survey(stump=replace(LEAK, rest=0.97, disguise="names")))) or []

    assert "is the label under other names" in found.message


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("scale", "column `fare` is the label on another scale"),
        ("order", "column `fare` has the label's order"),
    ],
)
def test_a_disguised_label_is_called_what_it_is(how: str, words: str) -> None:
    """Each disguise in words of its own."""
    survey_ = replace(survey(stump=replace(LEAK, rest=0.9, disguise=how, name="fare")), program=False)
    (found,) = rule.judge(facts(survey_)) or []

    assert found.message.startswith(words)


def test_parts_that_add_up_are_all_named() -> None:
    """Not the first of them only."""
    parts = replace(LEAK, rest=0.9, disguise="sum", name="casual", parts=(5, 7), names=("casual", "registered"))
    (found,) = rule.judge(facts(survey(stump=parts))) or []

    assert found.message == "columns `casual`, `registered` add up to the label"
    assert "columns" in found.fixes[0].title


@pytest.mark.parametrize(
    "stump",
    [
        None,
        replace(LEAK, rest=1.0, disguise="names"),
        replace(LEAK, rest=0.7, disguise="names"),
        replace(LEAK, rest=0.72, disguise="sum", parts=(1, 2)),
        replace(LEAK, rest=0.99, disguise="order"),
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
