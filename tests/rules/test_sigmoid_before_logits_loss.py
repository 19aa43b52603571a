"""Sigmoid before logits loss: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, LossCallFact, OpFact, TensorFact
from torchladder.core.findings import Place
from torchladder.rules.model.sigmoid_before_logits_loss import sigmoid_before_logits_loss as rule_

LOSS = Place("train.py", 20)
LAST = Place("net.py", 7)


def call(function="binary_cross_entropy_with_logits", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(**parts):
    return rule_.judge(Facts(loss_calls=(call(**parts),)))


def test_a_sigmoid_before_bce_with_logits_is_found():
    """The smallest loss that remains is told."""
    values = TensorFact((32,), "float32", min=0.2, max=0.8)
    labels = TensorFact((32,), "float32", min=0, max=1, mean=0.5)
    (found,) = judge(input=values, target=labels, tail=(OpFact("squeeze"), OpFact("sigmoid", LAST)))

    assert found.where == (LAST, LOSS)
    assert found.seen[1].value == 0.503


def test_a_sigmoid_before_cross_entropy_is_found():
    """It limits logits as well."""
    assert judge(function="cross_entropy", tail=(OpFact("SigmoidBackward0"),))


def test_silent_on_right_sigmoids():
    """BCELoss wants one, gates and bounded logits go on after it."""
    assert judge(function="binary_cross_entropy", tail=(OpFact("sigmoid", LAST),)) == []
    assert judge(tail=(OpFact("mul"), OpFact("sigmoid", LAST))) == []
    assert judge(tail=(OpFact("sigmoid", LAST),), differentiated=False) == []
