"""label-noise on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import TRAIN, facts, survey
from torchladder.core.data_facts import NoiseFact, SurveyFact, SuspectLabel
from torchladder.core.findings import Severity
from torchladder.rules.data.label_noise import label_noise as rule

SUSPECT = (SuspectLabel(7, 0, 1, 0.9),)
WRONG = NoiseFact(-1, 980, 0.85, 0.12, SUSPECT)
CLEAN = NoiseFact(0, 300, 0.97, 0.01)


def test_wrong_labels_in_training_alone_are_a_warning() -> None:
    """The held-out side shows that the doubting model is good."""
    (found,) = rule.judge(facts(survey(noise=(WRONG, CLEAN)))) or []

    assert found.severity is Severity.WARNING
    assert "7 (0, rather 1)" in str(found.seen[-1].value)


@pytest.mark.parametrize(
    "noise",
    [
        (WRONG,),
        (WRONG, replace(CLEAN, accuracy=0.85)),
        (WRONG, replace(CLEAN, estimated=0.05)),
        (replace(WRONG, estimated=0.05), CLEAN),
        (WRONG, replace(CLEAN, n=50)),
    ],
)
def test_what_may_be_difficulty_is_a_remark(noise: tuple[NoiseFact, ...]) -> None:
    """No clean side to compare with, a hard task, equal shares, few."""
    (found,) = rule.judge(facts(survey(noise=noise))) or []

    assert found.severity is Severity.NOTE


@pytest.mark.parametrize(
    "stage",
    [
        survey(),
        survey(noise=(replace(WRONG, accuracy=0.6), CLEAN)),
        survey(noise=(replace(WRONG, estimated=0.01), CLEAN)),
        survey(noise=(WRONG, replace(CLEAN, estimated=0.1))),
        survey(noise=(replace(WRONG, suspects=()), CLEAN)),
        survey(replace(TRAIN, majority=0.95), noise=(replace(WRONG, accuracy=0.95), CLEAN)),
    ],
)
def test_silent(stage: SurveyFact) -> None:
    """A model without standing, next to nothing, nobody suspected, one class that is always right."""
    assert rule.judge(facts(stage)) == []
