"""train-val-overlap on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import CALL, HELD, TRAIN, facts, survey
from torchladder.core.data_facts import OverlapFact, SurveyFact
from torchladder.core.findings import Severity
from torchladder.rules.data.train_val_overlap import train_val_overlap as rule

COPIES = OverlapFact(0, 120, 300, None, 1.0, 0.4, 240.0, 20, 1000, split=(CALL,))


@pytest.mark.parametrize(
    "o",
    [
        COPIES,
        replace(COPIES, within=None),
        replace(COPIES, bits=60.0, within=0.01),
        replace(COPIES, shared=0, same_rows=20, bits=3.0, values=2),
    ],
)
def test_copies_on_both_sides_are_a_warning(o: OverlapFact) -> None:
    """Rich samples, or far more across than within, or the same rows by number."""
    (found,) = rule.judge(facts(survey(overlaps=(o,)))) or []

    assert found.severity is Severity.WARNING
    assert found.where[0] == CALL


IDS = replace(TRAIN, dtype="int64")


@pytest.mark.parametrize(
    "stage",
    [
        survey(),
        survey(overlaps=(replace(COPIES, shared=0),)),
        survey(overlaps=(replace(COPIES, shared=2),)),
        survey(overlaps=(replace(COPIES, shared=4, compared=4000),)),
        survey(overlaps=(replace(COPIES, shared=300),)),
        survey(overlaps=(replace(COPIES, bits=20.0),)),
        survey(overlaps=(replace(COPIES, values=3),)),
        survey(overlaps=(replace(COPIES, bits=60.0),)),
        survey(IDS, (replace(HELD, dtype="int64"),), overlaps=(COPIES,)),
    ],
)
def test_silent(stage: SurveyFact) -> None:
    """Few copies, the training set itself, dice and boards, data that repeats itself, short texts."""
    assert rule.judge(facts(stage)) == []
