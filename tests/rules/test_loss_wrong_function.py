"""loss-wrong-function on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import (
    ErrorFact,
    Facts,
    LossCallFact,
    OpFact,
    ProgramFact,
    TensorFact,
    TrialFact,
)
from torchladder.core.findings import Place, Severity, Standing
from torchladder.rules.loss.loss_wrong_function import loss_wrong_function as rule

PLACE = Place("train.py", 30)
LOGITS = TensorFact((32, 10), "float32", min=-3, max=3, row_sum=0.5, row_sum_spread=4, requires_grad=True)
PROBS = replace(LOGITS, min=0.01, max=0.9, row_sum=1.0, row_sum_spread=1e-6)
LOGP = replace(LOGITS, min=-6, max=-0.1)
IDS = TensorFact((32,), "int64", min=0, max=9, integral=True, n_unique=10)
FLAT = TensorFact((32,), "float32", min=0.01, max=0.99, requires_grad=True)
WIDE = TensorFact((32,), "float32", min=-3, max=3, mean=0, std=1)
MULTI_HOT = TensorFact((32, 10), "float32", min=0, max=1, integral=True, row_sum=2.1, row_sum_spread=2.9)


def ops(*names: str) -> tuple[OpFact, ...]:
    """Return operations on the user's line 12."""
    return tuple(OpFact(name, Place("train.py", 12)) for name in names)


def call(function: str, given: TensorFact, target: TensorFact, **parts: object) -> LossCallFact:
    """Return one loss call."""
    value = parts.pop("value", 1.0)
    return LossCallFact(function, 0, 0, PLACE, given, target, value, **parts)


def facts(*args: object, **parts: object) -> Facts:
    """Return facts of one loss call."""
    return Facts(loss_calls=(call(*args, **parts),))


def crashed(message: str, *args: object) -> Facts:
    """Return facts of a program that ended in its loss call."""
    program = ProgramFact("crashed", 1, ErrorFact("RuntimeError", message, ""))
    return Facts(program=program, loss_calls=(call(*args, value=None),))


BETWEEN = "all elements of input should be between 0 and 1"
KL = TensorFact((32, 10), "float32", min=0.01, max=0.9, row_sum=1.0, row_sum_spread=0)


@pytest.mark.parametrize(
    ("sick", "by"),
    [
        (facts("nll_loss", LOGITS, IDS), "cross_entropy"),
        (facts("nll_loss", PROBS, IDS, tail=ops("softmax")), "nll_of_log_softmax"),
        (facts("kl_div", PROBS, KL, tail=ops("softmax")), "kl_of_log"),
        (facts("kl_div", LOGITS, KL), None),
        (
            crashed(BETWEEN, "binary_cross_entropy", replace(FLAT, min=-2), replace(WIDE, min=0, max=1)),
            "binary_cross_entropy_with_logits",
        ),
        (crashed("expected target dtype to be Long or Byte, but got Float", "cross_entropy", LOGITS, WIDE), None),
        (facts("mse_loss", FLAT, WIDE, tail=ops("squeeze", "sigmoid")), "skip"),
        (facts("l1_loss", FLAT, WIDE, tail=ops("tanh")), "skip"),
    ],
)
def test_mismatches_are_proven(sick: Facts, by: str | None) -> None:
    """Raw scores, probabilities, logits and unreachable targets are each named."""
    (found,) = rule.judge(sick) or []
    change = found.fixes[0].change

    assert found.standing is Standing.PROVEN
    assert found.severity is Severity.ERROR
    assert found.where == (PLACE,)
    assert len(found.message) <= 100
    if by == "skip":
        assert change is not None
        assert (change.kind, change.args["line"]) == ("skip_call", 12)
    else:
        assert (change.args["by"] if change else None) == by


@pytest.mark.parametrize("target", [MULTI_HOT, replace(MULTI_HOT, row_sum=0.9, row_sum_spread=2.1)])
def test_several_labels_under_cross_entropy_are_a_warning(target: TensorFact) -> None:
    """Rows of several labels are named, with doubt."""
    (found,) = rule.judge(facts("cross_entropy", LOGITS, target)) or []

    assert found.severity is Severity.WARNING


LINES = (Place("train.py", 13), Place("train.py", 18))
LOW = TrialFact("base", 0, (12.0, 0.004), passed=True, reason="", accuracy=0.5)


def custom(trial: TrialFact, given: TensorFact = LOGITS, target: TensorFact = IDS) -> Facts:
    """Return facts of a hand-written loss."""
    return replace(facts("custom", given, target, lines=LINES), trials=(trial,))


def test_a_hand_written_loss_that_is_low_with_wrong_answers_is_suspected() -> None:
    """The formula's own lines are shown and cross_entropy decides."""
    (found,) = rule.judge(custom(LOW)) or []

    assert found.standing is Standing.SUSPECTED
    assert found.where == LINES
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.args["by"] == "cross_entropy"


@pytest.mark.parametrize(
    "near",
    [
        facts("nll_loss", LOGP, IDS, tail=ops("log_softmax")),
        facts("nll_loss", LOGP, IDS, tail=ops("sub")),
        facts("nll_loss", replace(LOGITS, max=2.0), IDS, tail=ops("logsumexp", "log_prob")),
        facts("kl_div", LOGP, KL, tail=ops("log_softmax")),
        facts("cross_entropy", LOGITS, IDS),
        facts("cross_entropy", LOGITS, replace(MULTI_HOT, row_sum=1.0, row_sum_spread=0)),
        facts("cross_entropy", LOGITS, replace(MULTI_HOT, row_sum=0.9, row_sum_spread=0.9)),
        facts("cross_entropy", LOGITS, replace(MULTI_HOT, row_sum=1.0, row_sum_spread=1e-6, integral=False)),
        facts(
            "cross_entropy",
            replace(LOGITS, shape=(32, 5000)),
            replace(MULTI_HOT, shape=(32, 5000)),
        ),
        facts("binary_cross_entropy", FLAT, replace(WIDE, min=0, max=1), tail=ops("sigmoid")),
        facts("mse_loss", FLAT, replace(WIDE, min=0, max=1.1), tail=ops("sigmoid")),
        facts("mse_loss", FLAT, WIDE, tail=ops("mul", "tanh")),
        facts("mse_loss", FLAT, WIDE, tail=ops("squeeze")),
        facts("nll_loss", replace(LOGITS, requires_grad=False), replace(IDS, requires_grad=True)),
        facts("nll_loss", LOGITS, IDS, differentiated=False),
        crashed(BETWEEN, "binary_cross_entropy", replace(FLAT, n_nan=3), replace(WIDE, min=0, max=1)),
        custom(replace(LOW, accuracy=1.0)),
        custom(replace(LOW, accuracy=None)),
        custom(replace(LOW, losses=(2.3, 1.5))),
        custom(replace(LOW, losses=(2.3, -40.0))),
        custom(LOW, given=replace(LOGITS, shape=(32, 5, 10))),
        custom(LOW, target=WIDE),
        custom(replace(LOW, phase=1)),
    ],
)
def test_silent(near: Facts) -> None:
    """Log-probabilities, soft targets, scaled outputs and other objectives are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
