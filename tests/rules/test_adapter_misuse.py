"""Adapter misuse: fires on sick facts, is silent on near ones."""

import pytest

from torchladder.core.facts import Facts, ParameterFact
from torchladder.rules.model.adapter_misuse import adapter_misuse as rule_

TRAINS = {
    "requires_grad": True, "registered": True, "reached": True, "in_optimizer": True, "in_any_optimizer": True,
    "changed": True, "fresh": True, "weight_norm": 1.0,
}  # fmt: skip
FROZEN = {**TRAINS, "requires_grad": False, "reached": False, "in_optimizer": False, "in_any_optimizer": False}
FROZEN |= {"changed": False, "fresh": False}
HEAD = ParameterFact("head.weight", 0, (5, 96), **TRAINS)


def judge(adapter, base=FROZEN, names=("fc1.lora_a", "fc1.lora_b", "fc1.base.weight")):
    a, b, whole = names
    rows = (
        ParameterFact(a, 0, (4, 64), **{**TRAINS, **adapter}),
        ParameterFact(b, 0, (96, 4), **{**TRAINS, **adapter}),
        ParameterFact(whole, 0, (96, 64), **base),
        HEAD,
    )
    return rule_.judge(Facts(parameters=rows))


NOWHERE = {"in_optimizer": False, "in_any_optimizer": False, "changed": False}


@pytest.mark.parametrize(
    ("adapter", "kind"),
    [
        (NOWHERE, "add_to_optimizer"),
        ({**FROZEN, "fresh": True}, "unfreeze"),
        ({"reached": False, "changed": False}, None),
        ({"weight_norm": 0.0, "grad_zero": True, "changed": False}, None),
    ],
)
def test_adapters_that_do_not_train_are_found(adapter, kind):
    """In no optimizer, frozen, out of the graph, both factors zero."""
    (found,) = judge(adapter)

    change = found.fixes[0].change
    assert found.severity.value == "error"
    assert (change.kind if change else None) == kind


def test_pretrained_weights_that_train_beside_their_adapters_are_found():
    """A warning: it trains, and the adapter is not what was learned."""
    (found,) = judge({}, base={**TRAINS, "fresh": False})

    assert found.severity.value == "warning"


def test_pairs_without_a_telling_name_are_known_by_their_shapes():
    """Two thin matrices beside the weight they change."""
    assert judge(NOWHERE, names=("fc1.down", "fc1.up", "fc1.linear.weight"))
    assert judge(NOWHERE, names=("fc1.lora_A.default.weight", "fc1.lora_B.default.weight", "fc1.base_layer.weight"))


def test_silent_on_look_alikes():
    """Adapters that train, adapters kept from before, a fresh model that trains in full, a plain bottleneck."""
    assert judge({}) == []
    assert judge(FROZEN) == []
    assert judge({}, base=TRAINS) == []
    assert judge(NOWHERE, names=("down.weight", "up.weight", "fc1.weight")) == []
