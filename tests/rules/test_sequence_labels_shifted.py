"""Labels at a wrong offset: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.model_facts import SequenceFact
from torchladder.rules.data.sequence_labels_shifted import sequence_labels_shifted as rule_

NONE = {"-1": 0.0, "0": 0.0, "1": 0.0, "2": 0.0}


def sequence(offset, share=1.0, **parts):
    known = {"positions": 500, "leak": 0.0, "own": 0.5, "back": 0.1, "changes": True}
    agreement = {**NONE, offset: share}
    return SequenceFact(0, Place("train.py", 9), "cross_entropy", (8, 32), 32, 1, agreement, **{**known, **parts})


def judge(*rows):
    return rule_.judge(Facts(sequences=rows))


def test_copying_is_an_error_with_a_shift_by_one():
    """Labels equal to the inputs of a causal model."""
    (found,) = judge(sequence("0"))

    assert found.severity.value == "error"
    assert found.fixes[0].change.args["by"] == 1


def test_two_ahead_is_shifted_back():
    """Labels shifted in the data set and once more in the loss."""
    (found,) = judge(sequence("2"))

    assert found.fixes[0].change.args["by"] == -1


def test_exchanged_input_and_target_is_a_warning():
    """Somebody may want an echo."""
    (found,) = judge(sequence("-1"))

    assert found.severity.value == "warning"


def test_silent_on_look_alikes():
    """The next token, encoders, shifts inside, one by one, denoisers, few positions, values, labels passed along."""
    assert judge(sequence("1")) == []
    assert judge(sequence("0", leak=0.4)) == []
    assert judge(sequence("0", own=0.0)) == []
    assert judge(sequence("0", back=0.0)) == []
    assert judge(sequence("0", share=0.85)) == []
    assert judge(sequence("0", positions=12)) == []
    assert judge(sequence("0", integral=False)) == []
    assert judge(sequence("0", changes=False, leak=None)) == []
    assert judge(sequence("0", changes=None, leak=None)) == []


def test_a_second_head_two_ahead_is_no_fault():
    """Several tokens are predicted at once, the next one among them."""
    assert judge(sequence("1"), sequence("2")) == []
