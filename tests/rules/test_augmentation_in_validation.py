"""augmentation-in-validation on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import HELD, facts, survey
from torchladder.core.data_facts import RereadFact
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.data.augmentation_in_validation import augmentation_in_validation as rule

RANDOM = RereadFact(0, 24, 1.0, 0.0, 0.8, switch="transform")


def test_random_held_out_samples_are_a_warning() -> None:
    """The transform that makes them so is named."""
    (found,) = rule.judge(facts(survey(rereads=(RANDOM,)))) or []

    assert found.severity is Severity.WARNING
    assert found.where[0] == HELD.made


PASS = EvaluationFact(0, 40, 0, "Net", None, 2, 300, loader=1)
CLEAN = replace(HELD, loader=2)


@pytest.mark.parametrize(
    "near",
    [
        facts(survey(rereads=(replace(RANDOM, side=-1),))),
        facts(survey(rereads=(replace(RANDOM, differ=0.0),))),
        facts(survey(rereads=(replace(RANDOM, differ=0.2),))),
        facts(survey(rereads=(replace(RANDOM, labels_differ=0.5),))),
        facts(survey(rereads=(replace(RANDOM, switch=None),))),
        facts(survey(rereads=(replace(RANDOM, target_is_sample=True),))),
        facts(survey(held=(HELD, CLEAN), rereads=(RANDOM,))),
        facts(survey(rereads=(RANDOM,)), evaluations=(PASS, replace(PASS, index=1))),
    ],
)
def test_silent(near: Facts) -> None:
    """Training samples, made-up samples, denoising, a clean set beside it, averaged passes."""
    assert rule.judge(near) == []
