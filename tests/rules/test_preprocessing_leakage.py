"""preprocessing-leakage on facts written by hand; what makes the facts is tested with data/preparation.py."""

from dataclasses import replace

from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.core.shift_facts import PreparationFact
from torchladder.rules.data.preprocessing_leakage import preprocessing_leakage as rule

FITTED = PreparationFact(0, "standardised", 30, 30, 1e-9, 0.03, 569, ("radius", "area"))


def test_a_scaler_that_saw_both_sides_is_a_warning() -> None:
    """Its columns are named."""
    (found,) = rule.judge(Facts(preparations=(FITTED,))) or []

    assert found.severity is Severity.WARNING
    assert "30 of 30 columns are standardised over training and held-out samples" in found.message
    assert "`radius`" in found.notes[0]


def test_means_alone_are_a_remark() -> None:
    """Published data is often centred before anybody splits it."""
    (found,) = rule.judge(Facts(preparations=(replace(FITTED, how="centred"),))) or []

    assert found.severity is Severity.NOTE


def test_all_values_as_one_column_have_no_names() -> None:
    """Pictures are standardised as a whole."""
    (found,) = rule.judge(Facts(preparations=(replace(FITTED, columns=1, judged=1, names=()),))) or []

    assert found.message.startswith("the values are")


def test_nothing_fitted_is_silent() -> None:
    """No row, no word."""
    assert rule.judge(Facts(preparations=())) == []
