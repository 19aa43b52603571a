"""Optimizer missing parameters: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact
from torchladder.core.findings import Place, Severity
from torchladder.rules.loop.optimizer_missing_parameters import optimizer_missing_parameters as rule_


def optimizer(**parts):
    known = {"id": 1, "phase": 0, "type": "Adam", "created": Place("train.py", 8), "n_tensors": 4}
    known |= {"n_reached": 4, "n_registered": 4, "groups": ({"lr": 1e-3},), "lr_min": 1e-3, "lr_max": 1e-3}
    known |= {"scheduled": False, "zero_grad_places": (), "step_places": (Place("train.py", 12),)}
    known |= {"backward_places": (Place("train.py", 11),), "zero_grads": 20, "steps": 20, "dense_steps": 20}
    known |= {"carried_steps": 0, "backwards_per_step": 1.0, "empty_steps": 0, "gradless_steps": 0}
    return OptimizerFact(**{**known, **parts})


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


ORPHAN = {"in_optimizer": False, "in_any_optimizer": False, "changed": False}


def judge(*parameters, **parts):
    return rule_.judge(Facts(optimizers=(optimizer(**parts),), parameters=parameters))


def test_parameters_in_no_optimizer_are_found():
    """A warning, or an error when they are most of the model."""
    small = parameter("head.weight", shape=(2, 4), **ORPHAN)
    large = parameter("body.weight", shape=(64, 64), **ORPHAN)
    (warning,) = judge(parameter(), small)
    (error,) = judge(parameter(), large)

    assert (warning.severity, error.severity) == (Severity.WARNING, Severity.ERROR)
    assert warning.fixes[0].change.args == {"phase": 0, "names": ["head.weight"]}


def test_silent_on_parts_left_out_on_purpose():
    """Trained before, trained in another phase, moved by hand, frozen, not reached, not registered."""
    whole = parameter("b.weight", **ORPHAN)

    assert judge(parameter(), parameter("b.weight", **{**ORPHAN, "fresh": False})) == []
    assert judge(parameter(), whole, parameter("b.weight", phase=1)) == []
    assert judge(parameter(), parameter("b.weight", **{**ORPHAN, "changed": True})) == []
    assert judge(parameter(), parameter("b.weight", requires_grad=False, **ORPHAN)) == []
    assert judge(parameter(), parameter("b.weight", reached=False, **ORPHAN)) == []
    assert judge(parameter(), parameter("b.weight", registered=False, **ORPHAN)) == []
    assert judge(whole, n_reached=0) == []


def test_two_networks_of_one_kind_are_told_apart():
    """Both are a `Sequential`, and the layers of both have the same names."""
    encoder = parameter("Sequential:0.weight", created=Place("train.py", 14))
    projector = parameter("Sequential:0.weight", created=Place("train.py", 15), **ORPHAN)

    assert judge(encoder, projector)
    assert judge(encoder, encoder) == []
