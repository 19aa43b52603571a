"""Softmax wrong dim: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, LossCallFact, OpFact, TensorFact
from torchladder.core.findings import Place
from torchladder.rules.model.softmax_wrong_dim import softmax_wrong_dim as rule_

LOSS = Place("train.py", 20)
LAST = Place("net.py", 7)


def call(function="nll_loss", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(*tail, **parts):
    return rule_.judge(Facts(loss_calls=(call(tail=tail, **parts),)))


def over(dim, shape=(32, 10), function="log_softmax"):
    return OpFact(function, LAST, dim=dim, shape=shape)


def test_a_softmax_over_the_batch_is_found():
    """With the axis to use instead."""
    (found,) = judge(over(0))
    (probabilities,) = judge(OpFact("log"), over(0, function="softmax"))

    assert found.fixes[0].change.args["dim"] == 1
    assert probabilities.where == (LAST, LOSS)
    assert judge(over(0, (16, 7, 10)))


def test_silent_on_other_axes_and_shapes():
    """The class axis, a transposed layout, one column, one vector, a similarity matrix."""
    assert judge(over(1)) == []
    assert judge(OpFact("t"), over(0, (10, 32))) == []
    assert judge(over(0, (32, 1))) == []
    assert judge(over(0, (10,))) == []
    assert judge(over(0, (32, 32)), function="custom") == []
    assert judge(OpFact("matmul"), over(0)) == []


def test_of_pictures_the_classes_are_on_axis_1():
    """`nll_loss` of (N, C, H, W) takes the classes from axis 1, wherever the softmax ran."""
    shape = (64, 3, 8, 8)
    given = TensorFact(shape, "float32")
    (rows,) = judge(over(-1, shape), input=given)
    (batch,) = judge(over(0, shape), input=given)

    assert rows.fixes[0].change.args["dim"] == batch.fixes[0].change.args["dim"] == 1
    assert judge(over(1, shape), input=given) == []
    assert judge(over(-3, shape), input=given) == []
    assert judge(OpFact("permute"), over(-1, (64, 8, 8, 3)), input=given) == []
