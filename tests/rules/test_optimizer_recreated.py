"""Optimizer recreated: fires on state lost over and over, is silent on stages and plain descent."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.core.step_facts import RenewalFact
from torchladder.rules.loop.optimizer_recreated import optimizer_recreated as rule_


def judge(**parts):
    known = {"type": "Adam", "place": Place("train.py", 20), "made": 12, "renewed": 11, "steps_each": 40.0}
    return rule_.judge(Facts(renewals=(RenewalFact(**{**known, "stateful": True, **parts}),)))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_a_new_optimizer_every_epoch_or_step_is_found():
    """Every epoch is a warning, every step an error."""
    (epoch,) = judge()
    (step,) = judge(steps_each=1.0)

    assert epoch.severity is Severity.WARNING
    assert step.severity is Severity.ERROR
    assert "every step" in step.message


def test_silent_on_stages_folds_and_plain_descent():
    """A few stages, other tensors each time, and optimizers without state."""
    assert judge(made=3, renewed=2) == []
    assert judge(made=12, renewed=0) == []
    assert judge(stateful=False) == []
