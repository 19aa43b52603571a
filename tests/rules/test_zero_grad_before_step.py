"""Zero grad before step: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Place
from torchladder.rules.loop.zero_grad_before_step import zero_grad_before_step as rule_


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


CLEARED = Place("train.py", 13)


def judge(**parts):
    return rule_.judge(Facts(optimizers=(optimizer(**parts),)))


def test_clearing_before_the_step_is_found():
    """At the call that clears."""
    (found,) = judge(empty_steps=20, cleared_place=CLEARED)

    assert found.where[0] == CLEARED
    assert found.fixes[0].change.kind == "keep_grads"


def test_silent_on_steps_that_find_gradients():
    """Clearing after the step, one skipped step, gradients missing for another reason."""
    assert judge(cleared_place=CLEARED) == []
    assert judge(empty_steps=2, cleared_place=CLEARED) == []
    assert judge(empty_steps=20) == []
    assert judge(empty_steps=2, dense_steps=2, cleared_place=CLEARED) == []
    assert judge(gradless_steps=20) == []
