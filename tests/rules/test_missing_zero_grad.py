"""Missing zero grad: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Place
from torchladder.rules.loop.missing_zero_grad import missing_zero_grad as rule_


def optimizer(**parts):
    known = {"id": 1, "phase": 0, "type": "Adam", "created": Place("train.py", 8), "n_tensors": 4}
    known |= {"n_reached": 4, "n_registered": 4, "groups": ({"lr": 1e-3},), "lr_min": 1e-3, "lr_max": 1e-3}
    known |= {"scheduled": False, "zero_grad_places": (), "step_places": (Place("train.py", 12),)}
    known |= {"backward_places": (Place("train.py", 11),), "zero_grads": 20, "steps": 20, "dense_steps": 20}
    known |= {"carried_steps": 0, "backwards_per_step": 1.0, "empty_steps": 0, "gradless_steps": 0}
    return OptimizerFact(**{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(**parts):
    return rule_.judge(Facts(optimizers=(optimizer(**parts),)))


def test_gradients_that_are_never_cleared_are_found():
    """At the backward pass and the step."""
    (found,) = judge(carried_steps=19, zero_grads=0)

    assert found.where == (Place("train.py", 11), Place("train.py", 12))
    assert found.fixes[0].change.kind == "zero_grad"
    assert judge(carried_steps=19, zero_grads=2)
    assert judge(carried_steps=19, zero_grads=0, backwards_per_step=4.0)


def test_silent_on_accumulation_and_the_like():
    """Cleared steps, accumulation that clears somewhere, odd leftovers, too few steps, GANs."""
    assert judge() == []
    assert judge(backwards_per_step=8.0) == []
    assert judge(backwards_per_step=8.0, carried_steps=19) == []
    assert judge(carried_steps=5) == []
    assert judge(carried_steps=1, dense_steps=2, zero_grads=0) == []
    assert judge(carried_steps=19, zero_grads=0, n_reached=0) == []
