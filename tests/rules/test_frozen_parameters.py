"""Frozen parameters: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ErrorFact, Facts, ParameterFact, ProgramFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.model.frozen_parameters import frozen_parameters as rule_


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


FROZEN = Place("train.py", 30)
HEAD = {"name": "head.weight", "output_layer": True, "requires_grad": False, "reached": False}
HEAD |= {"changed": False, "frozen_at": FROZEN}


def judge(*parameters, message=None):
    error = ErrorFact("RuntimeError", message, "") if message else None
    program = ProgramFact("crashed" if error else "ended", error=error)
    return rule_.judge(Facts(program=program, parameters=parameters))


def test_everything_frozen_and_a_crash_prove_it():
    """The loss has no gradient."""
    text = "element 0 of tensors does not require grad and does not have a grad_fn"
    (found,) = judge(parameter(**HEAD), parameter(requires_grad=False), message=text)

    assert found.where == (FROZEN,)
    assert judge(parameter(**HEAD), parameter(), message=text)[0].message.startswith("the output")
    assert judge(parameter(requires_grad=False)) == []


def test_a_fresh_frozen_head_on_a_trained_body_is_proven():
    """And unfreezing it is the change."""
    (found,) = judge(parameter("norm.weight", fresh=False), parameter(**HEAD))

    assert found.standing is Standing.PROVEN
    assert found.fixes[0].change.args == {"phase": 0, "names": ["head.weight"]}


def test_a_fresh_frozen_head_on_a_fresh_body_is_a_suspicion():
    """A fixed classifier may be meant."""
    (found,) = judge(parameter(), parameter(**HEAD))

    assert found.standing is Standing.SUSPECTED


def test_silent_on_transfer_learning_and_gans():
    """The head trains; or is loaded; or is the other network's, moved in its own phase."""
    body = parameter("body.weight", requires_grad=False, fresh=False, reached=False)

    assert judge(body, parameter("head.weight", output_layer=True)) == []
    assert judge(parameter(), parameter(**{**HEAD, "fresh": False})) == []
    assert judge(parameter(), parameter(**{**HEAD, "changed": True})) == []
    assert judge(parameter(), parameter(**{**HEAD, "shape": (10,)})) == []
