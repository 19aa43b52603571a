"""Gradient accumulation unscaled: fires on sums of whole means, is silent on what is divided."""

from tests.rules.steps import objective, optimizer
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.loop.gradient_accumulation_unscaled import gradient_accumulation_unscaled as rule_


def judge(*rows, optimizers=None):
    return rule_.judge(Facts(objectives=rows, optimizers=optimizers or (optimizer(),)))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_four_whole_means_a_step_are_found():
    """A warning with SGD, a remark with Adam."""
    (sgd,) = judge(objective(per_step=4.0))
    (adam,) = judge(objective(per_step=4.0), optimizers=(optimizer(type="AdamW"),))

    assert sgd.severity is Severity.WARNING
    assert sgd.fixes[0].change.args == {"phase": 0, "factor": 0.25}
    assert adam.severity is Severity.NOTE


def test_silent_on_divided_losses_sums_and_several_losses():
    """Divided by k, summed over samples, several losses in turn, several optimizers, a closure."""
    assert judge(objective(per_step=4.0, scale=0.25)) == []
    assert judge(objective(per_step=4.0, reductions=("sum",))) == []
    assert judge(objective(per_step=4.0), objective(per_step=4.0)) == []
    assert judge(objective()) == []
    assert judge(objective(per_step=4.0), optimizers=(optimizer(), optimizer(phase=1))) == []
    assert judge(objective(per_step=4.0), optimizers=(optimizer(closure=True),)) == []
