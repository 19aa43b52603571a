"""Detached graph: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ErrorFact, Facts, ParameterFact, ProgramFact
from torchladder.core.findings import Place
from torchladder.rules.model.detached_graph import detached_graph as rule_


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


CUT = Place("net.py", 33)
LOST = {"reached": False, "cut": CUT, "cut_by": "data", "changed": False}


def judge(*parameters, program=None):
    return rule_.judge(Facts(parameters=parameters, program=program))


def test_a_cut_in_the_forward_pass_is_found_at_its_line():
    """With the call that cuts it."""
    (found,) = judge(parameter("cell.weight_ih", **LOST), parameter("fc.weight"))

    assert found.where == (CUT,)
    assert found.fixes[0].change.args == {"path": "net.py", "line": 33, "function": "data"}


def test_a_crash_without_a_path_is_found():
    """Where parameters could train."""
    text = "element 0 of tensors does not require grad and does not have a grad_fn"
    error = ErrorFact("RuntimeError", text, "", (Place("train.py", 40),))
    program = ProgramFact("crashed", error=error)
    (found,) = judge(parameter(reached=False), program=program)
    frozen = parameter(reached=False, requires_grad=False)

    assert found.where == (Place("train.py", 40),)
    assert judge(frozen, program=program) == []


def test_silent_on_gradients_stopped_on_purpose():
    """Teachers, pretrained features, other losses, unused, frozen and unheld parameters."""
    twin = parameter("cell.weight", phase=1)
    teacher = {**LOST, "cut_by": "no_grad"}

    assert judge(parameter("cell.weight", **LOST), twin) == []
    assert judge(parameter(**{**LOST, "changed": True})) == []
    assert judge(parameter("teacher.fc.weight", **teacher)) == []
    assert judge(parameter(**{**LOST, "fresh": False})) == []
    assert judge(parameter(**LOST, used=False)) == []
    assert judge(parameter(**LOST, requires_grad=False)) == []
    assert judge(parameter(**LOST, in_optimizer=False, in_any_optimizer=False)) == []
    assert judge(parameter(reached=False)) == []
