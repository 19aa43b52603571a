"""Missing backward or step: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact, ProgramFact, TrialFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.loop.missing_backward_or_step import missing_backward_or_step as rule_


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


NO_STEP = {"steps": 0, "dense_steps": 0, "zero_grads": 50}
NO_BACKWARD = {"gradless_steps": 20, "n_reached": 0}


def judge(*parameters, backwards=50, stepped=0, state="ended", trials=None, **parts):
    program = ProgramFact(state, backwards=backwards, optimizer_steps=stepped)
    facts = Facts(program=program, optimizers=(optimizer(**parts),), parameters=parameters, trials=trials)
    return rule_.judge(facts)


def test_backward_without_step_is_found():
    """At the backward pass."""
    (found,) = judge(parameter(changed=False), **NO_STEP)

    assert found.where[0] == Place("train.py", 11)
    assert found.fixes[0].change.kind == "step_after_backward"


def test_step_without_backward_is_found():
    """At the step."""
    (found,) = judge(backwards=0, stepped=20, **NO_BACKWARD)

    assert found.where == (Place("train.py", 12),)
    assert found.fixes[0].change.kind == "backward_before_step"


def test_a_step_outside_the_loop_is_found():
    """Each gradient is cleared before the next: proven when that is done to many, else an experiment decides."""
    failed = (TrialFact("base", 0, (2.3, 2.2), False, ""),)
    program = ProgramFact("ended", backwards=400, optimizer_steps=10)

    def found(each: float, trials=failed):
        one = optimizer(steps=10, dense_steps=10, backwards_per_step=each, zero_grads=int(10 * each))
        return [f.standing for f in rule_.judge(Facts(program=program, optimizers=(one,), trials=trials))]

    assert found(40.0) == [Standing.PROVEN]
    assert found(8.0) == [Standing.SUSPECTED]
    assert found(8.0, trials=()) == []


def test_silent_on_updates_by_other_means():
    """By hand, with gradients by hand, accumulation under way, another optimizer's parameters."""
    assert judge(parameter(changed=True), **NO_STEP) == []
    assert judge(parameter(changed=False), state="stopped", **NO_STEP) == []
    assert judge(backwards=0, stepped=20, gradless_steps=0) == []
    assert judge(backwards=0, stepped=2, state="stopped", gradless_steps=20) == []
    assert judge(stepped=50) == []
    replaced = parameter(phase=1, changed=True)
    assert judge(parameter(changed=False), replaced, stepped=50, **NO_STEP) == []
