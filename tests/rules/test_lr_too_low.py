"""Lr too low: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact, RootFact, TrialFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.loop.lr_too_low import lr_too_low as rule_


def optimizer(**parts):
    known = {"id": 1, "phase": 0, "type": "Adam", "created": None, "n_tensors": 4}
    known |= {"n_reached": 4, "n_registered": 4, "groups": ({"lr": 1e-3},), "lr_min": 1e-3, "lr_max": 1e-3}
    known |= {"scheduled": False, "zero_grad_places": (), "step_places": ()}
    known |= {"backward_places": (), "zero_grads": 20, "steps": 20, "dense_steps": 20}
    known |= {"carried_steps": 0, "backwards_per_step": 1.0, "empty_steps": 0, "gradless_steps": 0}
    return OptimizerFact(**{**known, **parts})


def base(*losses, passed=False, phase=0):
    return TrialFact("base", phase, losses, passed, "")


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


SLOW = (2.3, 2.299, 2.298, 2.297)


def judge(trial, roots=None, **parts):
    return rule_.judge(Facts(optimizers=(optimizer(**parts),), trials=(trial,), roots=roots))


def test_tiny_updates_are_suspected():
    """With three larger rates to try; dropout's jitter does not matter."""
    (found,) = judge(base(2.3, 2.4, 2.2, 2.35), update_ratio=1e-7, lr_max=1e-7)

    assert found.standing is Standing.SUSPECTED
    assert [fix.change.args["factor"] for fix in found.fixes] == [1e4, 1e5, 1e3]


def test_a_fall_that_is_merely_slow_is_not_suspected():
    """Only a loss that hardly moves, with updates that hardly move the weights, is."""
    assert judge(base(2.3, 2.29, 2.28, 2.27), update_ratio=1e-6)
    assert judge(base(2.3, 2.29, 2.28, 2.27), update_ratio=1e-2) == []
    assert judge(base(2.3, 2.0, 1.8, 1.5), update_ratio=1e-6) == []


def test_silent_on_look_alikes():
    """Passed, unjudged, leaping, gradless, zero rate, warming up, fine-tuning."""
    loaded = (RootFact("m", "M", 0, 1, 1, (), None, pretrained=True),)
    warming = {"scheduled": True, "lr_max": 1e-5, "groups": ({"lr": 1e-5, "initial_lr": 1e-3},)}

    assert judge(base(*SLOW, passed=True)) == []
    assert judge(base(*SLOW, passed=None)) == []
    assert judge(base(2.3, 9.0, 30.0), update_ratio=1e-7) == []
    assert judge(base(*SLOW), gradless_steps=20) == []
    assert judge(base(*SLOW), n_reached=0) == []
    assert judge(base(*SLOW), lr_max=0.0) == []
    assert judge(base(*SLOW), **warming) == []
    assert judge(base(*SLOW), roots=loaded, update_ratio=1e-5) == []


def still(*changes, **parts):
    """Judge a run that was watched: parameters with gradients, and whether each changed."""
    rows = tuple(
        ParameterFact(f"p{i}", 0, (4,), True, True, True, True, True, grad_norm=0.1, changed=c)
        for i, c in enumerate(changes)
    )
    known = {"steps": 200, "dense_steps": 12, "lr_max": 1e-12, "step_places": (Place("t.py", 7),)}
    return rule_.judge(Facts(optimizers=(optimizer(**{**known, **parts}),), trials=(), parameters=rows))


def test_a_watched_run_in_which_no_weight_ever_changes_is_found():
    """Gradients arrive and the rate is above 0: rounding swallows the updates."""
    (found,) = still(False, False)

    assert found.message == "at learning rate 1e-12 no step changes a weight"
    assert found.where == (Place("t.py", 7),)


def test_a_watched_run_is_left_alone_unless_everything_stands_still():
    """One weight moves, few steps, few looks, a schedule, a rate of zero, no parameters, nothing known."""
    assert still(False, True) == []
    assert still(False, steps=50) == []
    assert still(False, dense_steps=4) == []
    assert still(False, scheduled=True) == []
    assert still(False, lr_max=0.0) == []
    assert still() == []
    assert still(None) == []
