"""data-nonfinite on facts written by hand."""

import math
from dataclasses import replace

import pytest

from torchladder.core.facts import (
    CurveFact,
    Facts,
    LossCallFact,
    NonFiniteFact,
    RootFact,
    TensorFact,
)
from torchladder.core.findings import Place, Standing
from torchladder.rules.data.data_nonfinite import data_nonfinite as rule

GOOD = TensorFact((32, 8), "float32", min=-3, max=3, mean=0, std=1)
BAD = replace(GOOD, n_nan=4)
PLACE = Place("train.py", 20)
ROOT = RootFact("model", "Net", 0, 10, 10, (GOOD,), None, PLACE)
CALL = LossCallFact("mse_loss", 0, 0, Place("train.py", 21), GOOD, GOOD, 0.5)
NAN = (CurveFact(0, (math.nan, math.nan)),)


def facts(
    inputs: tuple[TensorFact, ...] = (GOOD,),
    target: TensorFact = GOOD,
    curves: tuple[CurveFact, ...] = NAN,
    nonfinite: tuple[NonFiniteFact, ...] = (),
) -> Facts:
    """Return facts of one model and one loss call."""
    return Facts(
        roots=(replace(ROOT, inputs=inputs),),
        loss_calls=(replace(CALL, target=target),),
        curves=curves,
        nonfinite=nonfinite,
    )


@pytest.mark.parametrize(
    ("sick", "place"),
    [
        (facts((BAD,)), PLACE),
        (facts((replace(GOOD, n_inf=1),)), PLACE),
        (facts((GOOD, BAD)), PLACE),
        (facts(target=BAD), CALL.place),
        (
            facts(nonfinite=(NonFiniteFact("input", "nan", 0, 0, "linear", PLACE, None, None, None),)),
            PLACE,
        ),
    ],
)
def test_data_that_spoils_the_loss_is_found_once(sick: Facts, place: Place) -> None:
    """NaN or Inf in inputs or targets is proven by a loss that is not finite."""
    (found,) = rule.judge(sick) or []

    assert found.standing is Standing.PROVEN
    assert found.where == (place,)
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        facts(),
        facts((BAD,), curves=(CurveFact(0, (0.5, 0.4)),)),
        facts((BAD,), curves=(CurveFact(0, (0.5, 0.4)), CurveFact(1, (math.nan,)))),
        facts(target=BAD, curves=(CurveFact(0, (0.5, 0.4)),)),
        facts((GOOD, replace(GOOD, n_inf=496))),
    ],
)
def test_silent(near: Facts) -> None:
    """Masks and NaN that the program deals with are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
