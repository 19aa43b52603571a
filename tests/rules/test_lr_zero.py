"""Lr zero: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ProgramFact
from torchladder.core.findings import Place
from torchladder.rules.loop.lr_zero import lr_zero as rule_


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


def judge(state="stopped", **parts):
    return rule_.judge(Facts(optimizers=(optimizer(**parts),), program=ProgramFact(state)))


def test_a_rate_of_zero_is_found():
    """Set or scheduled."""
    (found,) = judge(lr_max=0.0)
    groups = ({"lr": 0.0, "initial_lr": 0.02},)
    (scheduled,) = judge("ended", lr_max=0.0, scheduled=True, groups=groups)

    assert found.fixes[0].change.args == {"phase": 0, "lr": 1e-3}
    assert scheduled.fixes[0].change.args["lr"] == 0.02


def test_silent_on_warm_up_and_working_groups():
    """A first step or epoch at zero, or one group of several."""
    assert judge(lr_max=0.0, steps=1) == []
    assert judge(lr_max=0.0, scheduled=True) == []
    assert judge(lr_min=0.0) == []
