"""Saturated activations: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ActivationFact, Facts, LossCallFact, OpFact, TrialFact
from torchladder.core.findings import Place
from torchladder.rules.model.saturated_activations import saturated_activations as rule_

HERE = Place("train.py", 9)


def judge(saturated, *, passed=False, units=64, function="tanh", tail=()):
    act = ActivationFact(function, 0, 0, HERE, "act", None, units, 0, 0.0, saturated, 512)
    call = LossCallFact("mse_loss", 0, 0, None, None, None, 1.0, tail=tail)
    trial = TrialFact("base", 0, (1.0,) * 9, passed, "")
    return rule_.judge(Facts(activations=(act,), loss_calls=(call,), trials=(trial,)))


def test_a_saturated_layer_of_a_model_that_is_stuck_is_proven():
    """Nothing was memorised, and the layer sits at its ends."""
    (found,) = judge(0.99)

    assert found.standing.value == "proven"
    assert found.severity.value == "error"


def test_where_the_batch_was_memorised_an_experiment_decides():
    """Saturated features can still be told apart by the head."""
    (found,) = judge(0.99, passed=True)

    assert found.standing.value == "suspected"


def test_silent_on_look_alikes():
    """Ordinary shares, the output's own sigmoid, a few switches, a ReLU."""
    assert judge(0.4) == []
    assert judge(0.99, tail=(OpFact("tanh", HERE, "act"),)) == []
    assert judge(0.99, units=2) == []
    assert judge(None, function="relu") == []
