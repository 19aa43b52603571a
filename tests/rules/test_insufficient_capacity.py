"""Insufficient capacity: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact, TrialFact
from torchladder.core.model_facts import ConflictFact
from torchladder.rules.model.insufficient_capacity import insufficient_capacity as rule_


def weight(name, out, into, **parts):
    known: dict[str, object] = {
        "requires_grad": True,
        "registered": True,
        "reached": True,
        "in_optimizer": True,
        "in_any_optimizer": True,
    }
    known |= {"fresh": True, "module": name, "module_type": "Linear"}
    return ParameterFact(f"{name}.weight", 0, (out, into), **{**known, **parts})


def judge(*, width=1, passed=False, update=1e-2, losses=(2.3, 2.0, 1.9), conflicts=(), **parts):
    optimizer = OptimizerFact(
        0, 0, "Adam", None, 4, 4, 4, ({"lr": 1e-3},), 1e-3, 1e-3, False, (), (), (), 0, 9, 9, 0, 1.0, 0, 0,
        update_ratio=update,
    )  # fmt: skip
    trial = TrialFact("base", 0, losses, passed, "", floor=0.0, rows=32)
    parameters = (weight("fc1", width, 64), weight("head", 10, width, **parts))
    return rule_.judge(Facts(parameters=parameters, trials=(trial,), optimizers=(optimizer,), conflicts=conflicts))


def test_a_narrow_stack_is_suspected_and_to_be_widened():
    """One unit, thirty-two samples."""
    (found,) = judge()

    assert found.standing.value == "suspected"
    assert found.fixes[0].change.args == {"phase": 0, "modules": ["fc1", "head"], "width": 128}


def test_equal_inputs_with_different_labels_are_said_instead():
    """No model can memorise these."""
    (found,) = judge(conflicts=(ConflictFact(0, 32, 20),))

    assert found.severity.value == "note"


def test_silent_on_look_alikes():
    """Memorised, wide enough, slow or leaping weights, a loss that grows, other layers, frozen or pretrained ones."""
    assert judge(passed=True) == []
    assert judge(width=64) == []
    assert judge(update=1e-6) == []
    assert judge(update=0.5) == []
    assert judge(losses=(1.0, 50.0)) == []
    assert judge(module_type="Conv2d") == []
    assert judge(in_optimizer=False) == []
    assert judge(fresh=False) == []
