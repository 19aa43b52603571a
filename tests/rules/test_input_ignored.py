"""Input ignored: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, InterrogationFact, TrialFact
from torchladder.rules.model.input_ignored import input_ignored as rule_


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(dependence, *losses, passed=False):
    asked = InterrogationFact(0, input_dependence=dependence)
    trial = TrialFact("base", 0, losses or (2.3, 2.2), passed, "", chance=2.2)
    return rule_.judge(Facts(interrogations=(asked,), trials=(trial,)))


def test_a_model_that_does_not_look_is_found():
    """After training steps that did not fit the batch."""
    (found,) = judge(0.0)

    assert found.seen[1].expected == 2.2


def test_silent_otherwise():
    """It looks, it fitted, it was not asked, it cannot be judged, or its weights are lost."""
    assert judge(0.2) == []
    assert judge(0.0, passed=True) == []
    assert judge(0.0, passed=None) == []
    assert judge(None) == []
    assert judge(float("nan")) == []
    assert judge(0.0, 2.3, float("nan")) == []
