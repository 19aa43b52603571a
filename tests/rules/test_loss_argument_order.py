"""loss-argument-order on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts, LossCallFact, TensorFact
from torchladder.core.findings import Place
from torchladder.rules.loss.loss_argument_order import loss_argument_order as rule

PLACE = Place("train.py", 30)
LOGITS = TensorFact((32, 10), "float32", min=-3, max=3, requires_grad=True)
IDS = TensorFact((32,), "int64", min=0, max=9, integral=True)
SCORES = TensorFact((32,), "float32", min=-3, max=3, requires_grad=True)
BITS = TensorFact((32,), "float32", min=0, max=1, integral=True)
SOFT = TensorFact((32, 10), "float32", min=0.01, max=0.9, row_sum=1.0, row_sum_spread=0)
LOGP = TensorFact((32, 10), "float32", min=-6, max=-0.1, row_sum=-30, requires_grad=True)
BCEL = "binary_cross_entropy_with_logits"


def facts(function: str, first: TensorFact, second: TensorFact, value: float | None = 1.0, **parts: object) -> Facts:
    """Return facts of one loss call."""
    return Facts(loss_calls=(LossCallFact(function, 0, 0, PLACE, first, second, value, **parts),))


@pytest.mark.parametrize(
    "sick",
    [
        facts("cross_entropy", IDS, LOGITS, None, differentiated=False),
        facts("nll_loss", IDS, LOGP, None),
        facts("cross_entropy", SOFT, LOGITS),
        facts(BCEL, BITS, SCORES),
        facts("binary_cross_entropy", BITS, replace(SCORES, min=0.1, max=0.9)),
        facts("kl_div", SOFT, LOGP),
    ],
)
def test_swapped_arguments_are_found(sick: Facts) -> None:
    """Data as prediction and prediction as target are named at the call."""
    (found,) = rule.judge(sick) or []

    assert found.where == (PLACE,)
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.kind == "swap_loss_arguments"
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        facts("cross_entropy", LOGITS, IDS),
        facts("mse_loss", BITS, SCORES),
        facts("smooth_l1_loss", BITS, SCORES),
        facts("binary_cross_entropy", SCORES, replace(SCORES, min=0, max=1)),
        facts("kl_div", replace(LOGP, requires_grad=False), replace(SOFT, requires_grad=True)),
        facts("kl_div", LOGP, SOFT),
        facts("kl_div", SOFT, LOGP, options={"log_target": True}),
        facts(
            "binary_cross_entropy",
            replace(BITS, min=0.1, max=0.9, integral=False),
            replace(SCORES, min=0.1, max=0.9),
        ),
        facts("cross_entropy", replace(LOGITS, requires_grad=False), IDS),
        facts(BCEL, BITS, SCORES, differentiated=False),
    ],
)
def test_silent(near: Facts) -> None:
    """The right order, symmetric losses and reverse divergences are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
