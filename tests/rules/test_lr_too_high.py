"""Lr too high: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import CurveFact, Facts, OptimizerFact, ParameterFact, TrialFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.loop.lr_too_high import lr_too_high as rule_


def optimizer(**parts):
    known = {"id": 1, "phase": 0, "type": "Adam", "created": Place("train.py", 8), "n_tensors": 4}
    known |= {"n_reached": 4, "n_registered": 4, "groups": ({"lr": 1e-3},), "lr_min": 1e-3, "lr_max": 1e-3}
    known |= {"scheduled": False, "zero_grad_places": (), "step_places": (Place("train.py", 12),)}
    known |= {"backward_places": (Place("train.py", 11),), "zero_grads": 20, "steps": 20, "dense_steps": 20}
    known |= {"carried_steps": 0, "backwards_per_step": 1.0, "empty_steps": 0, "gradless_steps": 0}
    return OptimizerFact(**{**known, **parts})


def base(*losses, passed=False, phase=0):
    return TrialFact("base", phase, losses, passed, "")


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(trial, curve=None, **parts):
    curves = (CurveFact(0, curve),) if curve else None
    return rule_.judge(Facts(optimizers=(optimizer(**parts),), trials=(trial,), curves=curves))


def test_a_leaping_loss_is_suspected():
    """With three smaller rates to try."""
    (found,) = judge(base(0.7, 9.0, 3.0, 4.0), lr_max=0.5)

    assert found.standing is Standing.SUSPECTED
    assert [fix.change.args["factor"] for fix in found.fixes] == [0.1, 0.01, 0.001]
    assert found.where == (Place("train.py", 8),)


def test_a_loss_that_became_nan_is_suspected():
    """Even when the trial could not be judged."""
    assert judge(base(0.7, float("nan"), passed=None))
    assert judge(base(0.7, 0.6, passed=None), curve=(0.7, 5.0, float("inf")))


def test_large_updates_are_suspected():
    """Whatever the loss looks like."""
    assert judge(base(2.3, 2.2, 2.1), update_ratio=0.4)


def test_silent_when_the_batch_is_fitted_or_nothing_leaps():
    """A passed trial, a smooth slow fall, tiny updates, no gradient, an unjudged quiet loss."""
    assert judge(base(0.7, 9.0, 0.01, passed=True), lr_max=0.5) == []
    assert judge(base(2.3, 2.2, 2.1)) == []
    assert judge(base(2.3, 2.4, 2.3, 2.4), update_ratio=1e-7) == []
    assert judge(base(2.3, 2.4, 2.3, 2.4), n_reached=0) == []
    assert judge(base(-0.3, 0.4, -0.2, passed=None)) == []


def watched(*, losses=(2.3,) * 60, grown=20.0, update=0.05, steps=60, **parts):
    known = {"requires_grad": True, "registered": True, "reached": True, "in_optimizer": True, "in_any_optimizer": True}
    weights = tuple(
        ParameterFact(n, 0, (8, 8), grown=grown, update_ratio=update, **known) for n in ("a.weight", "b.weight")
    )
    curves = (CurveFact(0, losses),)
    return rule_.judge(
        Facts(optimizers=(optimizer(steps=steps, **parts),), trials=(), curves=curves, parameters=weights)
    )


def test_weights_that_run_away_in_a_watched_run_are_a_warning():
    """They grow twentyfold, and the loss is where it was; or it is lost."""
    (found,) = watched()

    assert "run away" in found.message
    assert found.module in {"a.weight", "b.weight"}
    assert watched(losses=(2.3,) * 30 + (float("inf"),) * 30)


def test_silent_on_weights_that_grow_for_good_reason():
    """The loss falls, they hardly grow, the steps are small, or the run has just begun."""
    assert watched(losses=tuple(2.3 - i / 40 for i in range(60))) == []
    assert watched(grown=2.0) == []
    assert watched(update=1e-3) == []
    assert watched(steps=20) == []
