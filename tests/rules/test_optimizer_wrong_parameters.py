"""Optimizer wrong parameters: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact
from torchladder.core.findings import Place
from torchladder.rules.loop.optimizer_wrong_parameters import optimizer_wrong_parameters as rule_


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


BLIND = {"n_reached": 0, "gradless_steps": 20}
ORPHAN = {"in_optimizer": False, "in_any_optimizer": False}


def judge(*parameters, **parts):
    return rule_.judge(Facts(optimizers=(optimizer(**{**BLIND, **parts}),), parameters=parameters))


def test_an_optimizer_of_another_model_is_found():
    """At the line that built it."""
    (found,) = judge(parameter(**ORPHAN), parameter("fc.bias", **ORPHAN))

    assert found.where == (Place("train.py", 8),)
    assert found.message == "the optimizer holds 0 of the 2 parameters that the loss reaches"


def test_a_model_that_was_rebuilt_on_the_way_is_found():
    """The optimizer trained, and from some step on nothing that it holds has a gradient."""
    idle = {"n_reached": 4, "gradless_steps": 8, "idle_steps": 8, "idle_from": 224}
    made = Place("train.py", 24)
    (found,) = judge(parameter(created=made, **ORPHAN), **idle)

    assert found.message.startswith("from step 224 on the optimizer holds 0 of")
    assert found.where == (Place("train.py", 8), made)
    assert found.fixes[0].change.args["since"] == 224
    assert judge(parameter(created=made, **ORPHAN), **{**idle, "idle_steps": 2}) == []
    assert judge(parameter(in_optimizer=False), **idle) == []


def test_silent_on_look_alikes():
    """Another optimizer, a cut graph, updates by hand, gradients by hand, a few steps only."""
    assert judge(parameter(in_optimizer=False)) == []
    assert judge(parameter(reached=False)) == []
    assert judge(parameter(changed=True, **ORPHAN)) == []
    assert judge(parameter(**ORPHAN), gradless_steps=0) == []
    assert judge(parameter(**ORPHAN), n_reached=2) == []
    assert judge(parameter(**ORPHAN), dense_steps=2, gradless_steps=2) == []


def test_where_nobody_saw_the_optimizer_made_its_step_is_shown():
    """As in a run that is watched."""
    (found,) = judge(parameter(**ORPHAN), created=None)

    assert found.where == (Place("train.py", 12),)
