"""Rows shared by the tests of rules about single steps."""

from torchladder.core.facts import OptimizerFact, TrialFact
from torchladder.core.findings import Place
from torchladder.core.step_facts import ObjectiveFact


def optimizer(**parts):
    """Return plain SGD with one group."""
    known = {"id": 1, "phase": 0, "type": "SGD", "created": Place("train.py", 8), "n_tensors": 4}
    known |= {"n_reached": 4, "n_registered": 4, "groups": ({"lr": 0.1},), "lr_min": 0.1, "lr_max": 0.1}
    known |= {"scheduled": False, "zero_grad_places": (), "step_places": (Place("train.py", 12),)}
    known |= {"backward_places": (Place("train.py", 11),), "zero_grads": 20, "steps": 20, "dense_steps": 8}
    known |= {"carried_steps": 0, "backwards_per_step": 1.0, "empty_steps": 0, "gradless_steps": 0}
    return OptimizerFact(**{**known, **parts})


def objective(**parts):
    """Return a mean cross-entropy that is differentiated as it is."""
    known = {"phase": 0, "place": Place("train.py", 11), "losses": (Place("train.py", 10),)}
    known |= {"functions": ("cross_entropy",), "reductions": ("mean",), "passes": 8, "per_step": 1.0, "scale": 1.0}
    known |= {"elements": 32.0, "values": (2.3, 2.2, 2.1)}
    return ObjectiveFact(**{**known, **parts})


def base(*, passed, phase=0):
    """Return the trial of one batch."""
    return TrialFact("base", phase, (2.3, 2.2, 2.1), passed, "", steps=200)
