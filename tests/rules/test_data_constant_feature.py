"""data-constant-feature on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import TRAIN, facts, survey
from torchladder.core.data_facts import SideFact
from torchladder.core.findings import Severity
from torchladder.rules.data.data_constant_feature import data_constant_feature as rule

FLAT = replace(TRAIN, constant_columns=(3,))


def test_a_constant_column_is_a_remark() -> None:
    """No more than that."""
    (found,) = rule.judge(facts(survey(FLAT))) or []

    assert found.severity is Severity.NOTE
    assert found.message == "column 3 of the input never varies"


@pytest.mark.parametrize(
    "side",
    [
        TRAIN,
        replace(FLAT, read=50),
        replace(FLAT, columns=200),
        replace(FLAT, constant_columns=(1, 2, 3, 4, 5)),
        replace(FLAT, columns=None),
    ],
)
def test_silent(side: SideFact) -> None:
    """Columns that vary, few samples, wide tables, padding, pictures."""
    assert rule.judge(facts(survey(side))) == []
