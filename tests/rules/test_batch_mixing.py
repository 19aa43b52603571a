"""Batch mixing: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import (
    Facts,
    InterrogationFact,
    LoaderFact,
    LossCallFact,
    ParameterFact,
    RootFact,
    TensorFact,
)
from torchladder.core.findings import Place
from torchladder.rules.model.batch_mixing import batch_mixing as rule_

LOSS = Place("train.py", 20)


def call(function="mse_loss", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def tensor(*shape):
    return TensorFact(shape, "float32")


def judge(mixing, *, inputs=((64, 16, 2),), output=(64,), target=(64,), samples=64, loaders=None, **parts):
    root = RootFact("model", "Net", 0, 8, 8, tuple(tensor(*s) for s in inputs), tensor(*output))
    asked = InterrogationFact(0, mixing=mixing, mixing_samples=samples)
    calls = (call(target=tensor(*target), **parts),)
    return rule_.judge(Facts(interrogations=(asked,), roots=(root,), loss_calls=calls, loaders=loaders))


def test_mixing_is_found():
    """With one answer per sample."""
    (found,) = judge(0.4)

    assert found.seen[0].value == 0.4


def test_mixing_in_a_language_model_is_found_when_a_loader_tells_the_batch():
    """Its targets are flattened."""
    loader = LoaderFact(1, "train", None, "D", 100, 64, 2, "random", False, 0, 1, 2)
    shapes = {"inputs": ((64, 24),), "output": (64, 24, 30), "target": (1536,)}

    assert judge(0.4, **shapes, loaders=(loader,))
    assert judge(0.4, **shapes) == []


def test_silent_on_look_alikes():
    """Rounding, similarities, graphs, time first, custom losses, one sample, not asked."""
    assert judge(1e-6) == []
    assert judge(None) == []
    assert judge(0.4, samples=1) == []
    assert judge(0.4, output=(64, 64)) == []
    assert judge(0.4, inputs=((64, 8), (64, 64))) == []
    assert judge(0.4, inputs=((64, 8), (2, 300))) == []
    assert judge(0.4, inputs=((16, 64, 2),)) == []
    assert judge(0.4, function="custom") == []


def judge_layer(kind, module="rnn"):
    root = RootFact("model", "Net", 0, 8, 8, (tensor(64, 16, 2),), tensor(64))
    asked = InterrogationFact(0, mixing=0.4, mixing_samples=64, place=Place("train.py", 7), module=module)
    row = ParameterFact("Net:rnn.weight", 0, (9, 2), True, True, True, True, True, module="rnn", module_type=kind)
    calls = (call(target=tensor(64)),)
    (found,) = rule_.judge(Facts(interrogations=(asked,), roots=(root,), loss_calls=calls, parameters=(row,)))
    return found.fixes[0].change


def test_a_layer_that_takes_the_sequence_first_gets_its_flag():
    """Recurrent or attention, by the type of the module that mixes; another layer has no such flag."""
    assert judge_layer("GRU").kind == "layer_batch_first"
    assert judge_layer("MultiheadAttention").args["line"] == 7
    assert judge_layer("Linear") is None
    assert judge_layer("GRU", "head") is None
