"""Momentum too high: a suspicion above 0.97 when one batch is not fitted."""

from tests.rules.steps import base, optimizer
from torchladder.core.facts import CurveFact, Facts
from torchladder.core.findings import Severity, Standing
from torchladder.rules.loop.momentum_too_high import momentum_too_high as rule_


def judge(group, *, passed=False, losses=()):
    curves = (CurveFact(0, tuple(losses)),)
    return rule_.judge(Facts(optimizers=(optimizer(groups=(group,)),), trials=(base(passed=passed),), curves=curves))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_unusual_momentum_is_suspected():
    """SGD's momentum, or Adam's first beta."""
    (sgd,) = judge({"lr": 0.1, "momentum": 0.99})
    (adam,) = judge({"lr": 0.1, "betas": [0.999, 0.999]})

    assert sgd.fixes[0].change.args == {"phase": 0, "option": "momentum", "value": 0.9, "was": 0.99}
    assert adam.fixes[0].change.args["option"] == "betas"


def test_a_loss_that_comes_back_up_is_found_though_one_batch_is_fitted():
    """Down to half and up again; a loss that stays down is silent."""
    falling, low = [0.7 - 0.004 * i for i in range(100)], [0.3] * 100
    (found,) = judge({"lr": 0.1, "momentum": 0.999}, passed=True, losses=falling + [0.8] * 100)

    assert (found.severity, found.standing) == (Severity.WARNING, Standing.PROVEN)
    assert judge({"lr": 0.1, "momentum": 0.999}, passed=True, losses=falling + low) == []


def test_silent_on_usual_momentum_and_on_a_batch_that_is_fitted():
    """0.95 is usual, Adam's second beta is no momentum, and what trains is right."""
    assert judge({"lr": 0.1, "momentum": 0.95}) == []
    assert judge({"lr": 0.1, "betas": [0.9, 0.9999]}) == []
    assert judge({"lr": 0.1, "momentum": 0.99}, passed=True) == []
    assert judge({"lr": 0.1}) == []
