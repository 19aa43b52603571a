"""Output misread: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, LossCallFact
from torchladder.core.findings import Place
from torchladder.core.loop_facts import ReadingFact
from torchladder.rules.loop.output_misread import output_misread as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(loss="binary_cross_entropy_with_logits", **parts):
    known = {
        "function": "gt",
        "threshold": 0.5,
        "values": 400,
        "low": -6.0,
        "high": 7.0,
        "outside": 0.9,
        "between": 0.04,
    }
    call = LossCallFact(loss, 0, 0, None, None, None, 0.5)
    return rule_.judge(Facts(readings=(ReadingFact(AT, **{**known, **parts}),), loss_calls=(call,)))


def test_logits_cut_at_one_half_are_found():
    """The loss takes logits, and the range shows them."""
    (found,) = judge()

    assert found.message.startswith("logits")


def test_log_probabilities_below_any_threshold_are_found():
    """They never reach it."""
    (found,) = judge("nll_loss", threshold=0.9, low=-5.0, high=0.0)

    assert found.message.startswith("log-probabilities")


def test_silent_on_look_alikes():
    """Probabilities, regression, a tuned threshold, no answer that differs, hardly any value."""
    assert judge(low=0.0, high=1.0, outside=0.0) == []
    assert judge("mse_loss") == []
    assert judge(threshold=0.3) == []
    assert judge(between=0.0) == []
    assert judge(values=4) == []
