"""class-imbalance on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import LOSS, TRAIN, facts, survey
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.data.class_imbalance import class_imbalance as rule

RARE = replace(TRAIN, label_counts={"0": 950, "1": 30})
CALLS = (replace(LOSS, label_counts={"0": 95, "1": 3}),)
BLIND = EvaluationFact(0, 40, 0, "Net", None, 2, 300, loader=1, accuracy=0.97, majority=0.97)
PASSES = (BLIND, replace(BLIND, index=1, step=80))


def test_evaluation_that_shows_the_majority_share_is_a_warning() -> None:
    """The rare class is never found, and nobody sees it."""
    (found,) = rule.judge(facts(survey(RARE), loss_calls=CALLS, evaluations=PASSES)) or []

    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    "passes",
    [
        None,
        PASSES[:1],
        tuple(replace(p, accuracy=0.99) for p in PASSES),
        tuple(replace(p, hurried=True) for p in PASSES),
    ],
)
def test_without_a_sign_of_blindness_it_is_a_remark(passes: tuple[EvaluationFact, ...] | None) -> None:
    """Nobody evaluated, too early, the rare class is found, cut short."""
    (found,) = rule.judge(facts(survey(RARE), loss_calls=CALLS, evaluations=passes)) or []

    assert found.severity is Severity.NOTE


@pytest.mark.parametrize(
    "near",
    [
        facts(survey(), evaluations=PASSES),
        facts(survey(RARE), loss_calls=(replace(CALLS[0], options={"weight": True}),), evaluations=PASSES),
        facts(survey(RARE), loss_calls=(replace(CALLS[0], options={"pos_weight": True}),), evaluations=PASSES),
        facts(survey(RARE), loss_calls=(replace(CALLS[0], function="custom"),), evaluations=PASSES),
        facts(survey(RARE), loss_calls=(replace(CALLS[0], options={"reduction": "none"}),), evaluations=PASSES),
        facts(survey(RARE), loss_calls=(LOSS,), evaluations=PASSES),
        facts(survey(replace(RARE, classes=False)), loss_calls=CALLS, evaluations=PASSES),
        facts(survey(replace(RARE, label_counts={"0": 95, "1": 3})), loss_calls=CALLS, evaluations=PASSES),
    ],
)
def test_silent(near: Facts) -> None:
    """Balanced classes, weights, losses of their own, samplers that even classes out, values, few samples."""
    assert rule.judge(near) == []
