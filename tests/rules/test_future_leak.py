"""Future leak: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.model_facts import SequenceFact
from torchladder.rules.model.future_leak import future_leak as rule_


def judge(leak, *, following=1.0, positions=400):
    agreement = {"-1": 0.0, "0": 0.0, "1": following, "2": 0.0}
    row = SequenceFact(
        0, Place("train.py", 9), "cross_entropy", (8, 32), 32, 1, agreement, positions, leak=leak, own=0.5, changes=True
    )
    return rule_.judge(Facts(sequences=(row,)))


def test_a_leak_is_found():
    """Outputs move when only later inputs change."""
    (found,) = judge(0.3)

    assert found.seen[0].value == 0.3
    assert found.fixes[0].change.kind == "causal_mask"


def test_silent_on_look_alikes():
    """Rounding, a masked language model, few positions, a model that could not be asked."""
    assert judge(1e-4) == []
    assert judge(0.3, following=0.1) == []
    assert judge(0.3, positions=10) == []
    assert judge(None) == []
