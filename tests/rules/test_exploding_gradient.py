"""Exploding gradient: fires on sick facts, is silent on near ones."""

import math

from torchladder.core.facts import CurveFact, Facts, TrialFact
from torchladder.core.model_facts import GradientFact, LayerGradientFact
from torchladder.rules.model.exploding_gradient import clip_value
from torchladder.rules.model.exploding_gradient import exploding_gradient as rule_


def history(*norms, raw=None, weight_norm=20.0):
    return GradientFact(0, tuple(range(len(norms))), norms, raw or norms, weight_norm)


def judge(norms, first=0.1, *, passed=False, output=0.1, fresh=True, losses=(1.0, 1.0)):
    rows = (
        LayerGradientFact(0, "a.weight", 0, 2, (first,), (0,), fresh=fresh),
        LayerGradientFact(0, "b.weight", 1, 2, (output,), (0,), fresh=fresh),
    )
    trial = TrialFact("base", 0, (1.0,) * 9, passed, "")
    facts = Facts(gradients=(norms,), layer_gradients=rows, trials=(trial,), curves=(CurveFact(0, losses),))
    return rule_.judge(facts)


def test_a_gradient_that_grew_inside_the_model_is_proven():
    """A thousand times the weights at the first step, one at the output."""
    (found,) = judge(history(1e4, 1e4), first=1000.0, output=1.0)

    assert found.severity.value == "error"
    assert found.standing.value == "proven"
    assert found.fixes[0].change.kind == "he_initialise"
    assert found.fixes[1].change.args == {"max_norm": 1.0}


def test_growth_over_the_steps_is_a_suspicion_with_a_clip_value_from_the_history():
    """Ordinary steps stay below the value."""
    (found,) = judge(history(1.0, 2.0, 1.5, 2.2, 1.0, 5000.0, 1e6))

    assert found.standing.value == "suspected"
    assert found.fixes[0].change.args == {"max_norm": 2.0}


def test_a_lost_run_counts_when_no_batch_could_be_tried():
    """NaN in the program's own run."""
    assert judge(history(1.0, 1.0, 1.0, 1.0, 1.0, 1e7), passed=None, losses=(1.0, math.nan))


def test_silent_on_look_alikes():
    """Large targets, clipping, a pretrained model, growth within reason, a batch that was memorised."""
    assert judge(history(1e4, 1e4), first=1000.0, output=500.0) == []
    assert judge(history(1.0, 1.0, raw=(1e4, 1e4)), first=1000.0) == []
    assert judge(history(1e4, 1e4), first=1000.0, fresh=False) == []
    assert judge(history(1.0, 2.0, 1.5, 2.2, 1.0, 50.0)) == []
    assert judge(history(1.0, 1.0, 1.0, 1.0, 1.0, 1e7), passed=True) == []
    assert judge(history()) == []


def test_the_clip_value_is_plain_where_no_step_was_ordinary():
    """A norm beyond the weights' own is none to clip at."""
    assert clip_value(history(1e6, 1e6)) == 1.0
    assert clip_value(history(0.031, 0.028, 0.03)) == 0.03
