"""Bad initialization scale: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, LossCallFact, OpFact, ParameterFact, RootFact, TensorFact, TrialFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.model.bad_initialization_scale import bad_initialization_scale as rule_

LOSS = Place("train.py", 20)


def call(function="cross_entropy", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(value, std, *, trials=None, head=None, size=1.0, pretrained=False, **parts):
    logits = TensorFact((64, 10), "float32", min=-40.0, max=40.0, mean=0.0, std=std)
    image = TensorFact((64, 64), "float32", min=0.0, max=size, mean=0.3, std=0.3)
    root = RootFact("model", "MLP", 0, 8, 8, (image,), logits, pretrained=pretrained)
    parameters = (head or parameter("head.weight", output_layer=True),)
    one = call(value=value, input=logits, n_outputs=10, **parts)
    return rule_.judge(Facts(loss_calls=(one,), parameters=parameters, roots=(root,), trials=trials))


def test_a_loss_far_above_chance_is_proven():
    """With the factor that brings the logits to a spread of 1."""
    (found,) = judge(28.0, 20.0)

    assert found.standing is Standing.PROVEN
    assert found.fixes[0].change.args == {"phase": 0, "names": ["head.weight"], "factor": 0.05}


def test_a_loss_above_chance_is_a_suspicion():
    """Dropped where the batch is fitted all the same."""
    passed = TrialFact("base", 0, (9.0, 0.01), True, "")

    assert judge(9.0, 5.0)[0].standing is Standing.SUSPECTED
    assert judge(9.0, 5.0, trials=(passed,)) == []


def test_regression_outputs_far_beyond_the_targets_are_found():
    """In units of the targets."""
    target = TensorFact((64, 1), "float32", mean=0.0, std=1.0)

    assert judge(400.0, 20.0, function="mse_loss", target=target)


def test_silent_on_losses_that_are_high_by_design():
    """Defaults, pretrained models, scaled cosines, sums, raw inputs, later steps."""
    assert judge(2.4, 0.3) == []
    assert judge(28.0, 20.0, pretrained=True) == []
    assert judge(28.0, 20.0, head=parameter("head.weight", output_layer=True, fresh=False)) == []
    assert judge(28.0, 20.0, tail=(OpFact("mul"),)) == []
    assert judge(28.0, 20.0, options={"reduction": "sum"}) == []
    assert judge(28.0, 20.0, size=255.0) == []
    assert judge(28.0, 20.0, step=1) == []
