"""Loss not connected: fires on losses whose parameters wait in vain, is silent on monitoring."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.step_facts import IdleLossFact
from torchladder.rules.loss.loss_not_connected import loss_not_connected as rule_


def judge(times=8, lonely=("head.weight", "head.bias", "head.scale")):
    return rule_.judge(Facts(idle_losses=(IdleLossFact("mse_loss", Place("train.py", 10), times, lonely),)))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_a_forgotten_loss_is_found():
    """Parameters in an optimizer that nothing else reaches."""
    (found,) = judge()

    assert found.seen[0].value == 3
    assert "and others" in found.notes[0]


def test_silent_on_monitoring_and_first_steps():
    """A loss whose parameters another one trains, and one seen once."""
    assert judge(lonely=()) == []
    assert judge(times=1) == []
