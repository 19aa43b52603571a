"""Unregistered parameters: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, ParameterFact
from torchladder.rules.model.unregistered_parameters import unregistered_parameters as rule_


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


HIDDEN = {"registered": False, "in_optimizer": False, "in_any_optimizer": False, "owner": "self.blocks[0]"}


def judge(**parts):
    return rule_.judge(Facts(parameters=(parameter(), parameter("blocks[0].weight", **{**HIDDEN, **parts}))))


def test_layers_in_a_plain_list_are_found():
    """With the change that hands them to the optimizer."""
    (found,) = judge()

    assert found.seen[0].value == 32
    assert found.fixes[0].change.args == {"phase": 0, "names": ["blocks[0].weight"]}


def test_silent_on_look_alikes():
    """Inputs, held or hand-moved tensors, hidden pretrained networks, constants, the unreached."""
    assert judge(owner=None) == []
    assert judge(in_any_optimizer=True) == []
    assert judge(changed=True) == []
    assert judge(fresh=False) == []
    assert judge(requires_grad=False) == []
    assert judge(reached=False) == []
    assert judge(registered=True) == []
