"""augmentation-destructive on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import HELD, TRAIN, facts, survey
from torchladder.core.data_facts import SurveyFact, TransformFact
from torchladder.core.findings import Severity
from torchladder.rules.data.augmentation_destructive import augmentation_destructive as rule

NOISE = TransformFact("transform", 600, 0.95, 0.1, 0.1, 0.92, 0.11, 0.11, 0.0, 0.0)
BLANK = replace(NOISE, flat=1.0)


@pytest.mark.parametrize(
    "stage",
    [
        survey(transform=NOISE),
        survey(transform=BLANK),
        survey(replace(TRAIN, flat_samples=0.9), (replace(HELD, flat_samples=0.0),)),
    ],
)
def test_samples_that_say_nothing_any_more_are_an_error(stage: SurveyFact) -> None:
    """Drowned in noise, or blank."""
    (found,) = rule.judge(facts(stage)) or []

    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    "stage",
    [
        survey(),
        survey(transform=replace(NOISE, score=0.4)),
        survey(transform=replace(NOISE, probe=0.3)),
        survey(transform=replace(NOISE, raw_score=0.3, raw_probe=0.3)),
        survey(transform=replace(NOISE, n=100)),
        survey(transform=replace(NOISE, score=0.9, flat=1.0, raw_flat=0.9)),
        survey(replace(TRAIN, flat_samples=0.9), (replace(HELD, flat_samples=0.9),)),
        survey(replace(TRAIN, flat_samples=0.9), (replace(HELD, flat_samples=None),)),
    ],
)
def test_silent(stage: SurveyFact) -> None:
    """Strong but readable, hard to begin with, few samples, blank by nature."""
    assert rule.judge(facts(stage)) == []
