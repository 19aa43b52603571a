"""Loss class weights wrong: fires when weights rise with the counts, is silent on any other order."""

from torchladder.core.facts import Facts, LossCallFact
from torchladder.core.findings import Place
from torchladder.rules.loss.loss_class_weights_wrong import loss_class_weights_wrong as rule_


def judge(weights, counts, times=4):
    labels = {str(k): n for k, n in enumerate(counts)}
    call = LossCallFact(
        "cross_entropy", 0, 0, Place("train.py", 10), None, None, 1.0, options={"class_weights": weights},
        label_counts=labels,
    )  # fmt: skip
    return rule_.judge(Facts(loss_calls=(call,) * times))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_weights_that_rise_with_the_counts_are_found():
    """The counts themselves, or their shares, as weights."""
    (found,) = judge([1.6, 0.8, 0.6], [16, 8, 6])
    (two,) = judge([0.9, 0.1], [27, 3])

    assert found.fixes[0].change.kind == "class_weights"
    assert two.seen[0].value == 0.9


def test_silent_on_reciprocals_equal_weights_balanced_labels_and_few_samples():
    """What balances, what says nothing, and what cannot be told yet."""
    assert judge([0.6, 1.2, 1.6], [16, 8, 6]) == []
    assert judge([1.0, 1.0, 1.0], [16, 8, 6]) == []
    assert judge([1.6, 0.8, 0.6], [10, 10, 10]) == []
    assert judge([1.6, 0.8, 0.6], [16, 8, 6], times=1) == []
    assert judge([1.0, 3.0, 2.0, 1.5], [16, 4, 12, 8]) == []
