"""Loss padding counted: fires on runs at row ends that carry loss, is silent on words and masks."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.step_facts import PaddingFact
from torchladder.rules.loss.loss_padding_counted import loss_padding_counted as rule_


def judge(*, field="paddings", **parts):
    known = {"phase": 0, "function": "cross_entropy", "place": Place("train.py", 10), "id": 0, "share": 0.5}
    known |= {"rows_ending": 0.9, "run_min": 2, "run_max": 12, "elsewhere": 0.0, "width": 20, "ignored": False}
    row = PaddingFact(**{**known, "calls": 8, **parts})
    return rule_.judge(Facts(**{"paddings": (), field: (row,)}))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_padding_that_carries_loss_is_found():
    """Half of the positions, at the ends of rows, an id that occurs nowhere else."""
    (found,) = judge()

    assert found.fixes[0].change.args == {"path": "train.py", "line": 10, "function": "cross_entropy", "id": 0}


def test_silent_on_ignored_rare_and_ordinary_ids():
    """ignore_index, a few positions, an id that is common inside rows, runs of one length."""
    assert judge(ignored=True) == []
    assert judge(share=0.1) == []
    assert judge(elsewhere=0.2) == []
    assert judge(run_min=5, run_max=5) == []
    assert judge(rows_ending=0.2) == []


def test_values_padded_with_zeros_are_found() -> None:
    """A regression whose padded positions carry gradient, by a loss of torch or by hand."""
    (found,) = judge(field="padded_values", function="mse_loss")
    (by_hand,) = judge(field="padded_values", function="custom")

    assert "runs of zeros" in found.message
    assert found.fixes[0].change is None
    assert by_hand.message.startswith("the hand-written loss counts padding")


def test_silent_on_values_that_are_masked_or_zero_by_nature() -> None:
    """No gradient arrives there, or zeros are common elsewhere."""
    assert judge(field="padded_values", function="mse_loss", ignored=True) == []
    assert judge(field="padded_values", function="mse_loss", elsewhere=0.2) == []


def test_padding_with_a_common_class_is_known_by_the_input() -> None:
    """Tags of padding that are the commonest tag, where the ids end in padding."""
    (found,) = judge(by_input=True, share=0.9)

    assert "where the model's input is padded" in found.message
    assert found.fixes[0].change.kind == "ignore_padding"
    assert judge(by_input=True, share=0.4) == []
    assert judge(by_input=True, share=0.9, elsewhere=0.2) == []
    assert judge(by_input=True, share=0.9, ignored=True) == []
