"""Relu before loss: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ActivationFact, Facts, LossCallFact, OpFact, TensorFact, TrialFact
from torchladder.core.findings import Place, Severity, Standing
from torchladder.rules.model.relu_before_loss import relu_before_loss as rule_

LOSS = Place("train.py", 20)
LAST = Place("net.py", 7)


def call(function="mse_loss", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


RELU = (OpFact("relu", LAST, module="decoder.3"),)


def target(low, mean=0.0, std=1.0):
    return TensorFact((32, 1), "float32", min=low, max=3.0, mean=mean, std=std)


def judge(trials=None, activations=None, **parts):
    facts = Facts(loss_calls=(call(**parts),), trials=trials, activations=activations)
    return rule_.judge(facts)


def test_targets_on_both_sides_of_zero_prove_it():
    """Half of the targets cannot be reached."""
    (found,) = judge(target=target(-2.5), tail=RELU)

    assert found.standing is Standing.PROVEN
    assert found.where == (LAST, LOSS)


def test_a_few_negative_targets_are_a_suspicion():
    """It may be noise."""
    (found,) = judge(target=target(-0.5), tail=RELU)

    assert found.standing is Standing.SUSPECTED


def test_binary_logits_never_negative_are_found():
    """No probability below one half can be given."""
    labels = TensorFact((32,), "float32", min=0.0, max=1.0, mean=0.4)

    assert judge(function="binary_cross_entropy_with_logits", target=labels, tail=RELU)


def test_class_scores_need_a_dead_score_or_an_experiment():
    """A dead score is a warning, a failed trial a suspicion, a passed one nothing."""
    dead = ActivationFact("relu", 0, 3, LAST, "decoder.3", None, 10, 4, 0.8, None, 640)
    (proven,) = judge(function="cross_entropy", tail=RELU, activations=(dead,))
    (suspected,) = judge(function="cross_entropy", tail=RELU)
    passed = TrialFact("base", 0, (2.3, 0.01), True, "")

    assert (proven.severity, proven.standing) == (Severity.WARNING, Standing.PROVEN)
    assert suspected.standing is Standing.SUSPECTED
    assert judge(function="cross_entropy", tail=RELU, trials=(passed,)) == []


def test_silent_on_targets_that_a_relu_reaches():
    """Counts, noise about zero, leaky units and ReLUs further inside are all right."""
    assert judge(target=target(0.0), tail=RELU) == []
    assert judge(target=target(-0.01), tail=RELU) == []
    assert judge(target=target(-2.5), tail=(OpFact("leaky_relu"),)) == []
    assert judge(target=target(-2.5), tail=(OpFact("sub"), *RELU)) == []
    assert judge(tail=RELU) == []
