"""train-val-preprocessing-mismatch on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import HELD, facts, survey
from torchladder.core.data_facts import MismatchFact
from torchladder.core.findings import Severity
from torchladder.rules.data.train_val_preprocessing_mismatch import train_val_preprocessing_mismatch as rule

RAW = MismatchFact(0, 0.02, 0.02, 0.01, 1.8, 980, 300, kind="classes", asked=300, own_score=0.3, mapped_score=0.96)
COLUMNS = replace(RAW, scale=1.0, apart=0.1, misfit=0.3, columns_apart=0.8, columns_misfit=0.05)
VALUES = replace(RAW, kind="values", own_score=-2.0, mapped_score=0.8)


@pytest.mark.parametrize("m", [RAW, COLUMNS, VALUES])
def test_another_scale_that_costs_accuracy_is_an_error(m: MismatchFact) -> None:
    """Proven by asking the model itself."""
    (found,) = rule.judge(facts(survey(mismatches=(m,)))) or []

    assert found.severity is Severity.ERROR
    assert found.where[0] == HELD.made
    assert found.fixes[0].verified is True


@pytest.mark.parametrize(
    "m",
    [
        replace(RAW, apart=0.2),
        replace(RAW, misfit=0.4),
        replace(RAW, scale=1.05, apart=0.7),
        replace(RAW, mapped_score=0.33),
        replace(RAW, own_score=None),
        replace(RAW, asked=20),
        replace(COLUMNS, columns_apart=0.1),
        replace(COLUMNS, columns_misfit=0.5),
        replace(VALUES, mapped_score=0.1),
        replace(RAW, mapped_score=0.52),
    ],
)
def test_silent(m: MismatchFact) -> None:
    """Sampling, other data, and scales at which the model does no better."""
    assert rule.judge(facts(survey(mismatches=(m,)))) == []


def test_a_second_held_out_side_in_order_shows_purpose() -> None:
    """Evaluation on dimmed pictures beside the plain ones is a test of robustness."""
    plain = replace(RAW, scale=1.0, apart=0.05)

    assert rule.judge(facts(survey(held=(HELD, HELD), mismatches=(plain, replace(RAW, held=1))))) == []
