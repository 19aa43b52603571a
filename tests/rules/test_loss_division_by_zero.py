"""loss-division-by-zero on facts written by hand."""

import math
from dataclasses import replace

import pytest

from torchladder.core.facts import CurveFact, Facts, NonFiniteFact
from torchladder.core.findings import Place
from torchladder.rules.loss.loss_division_by_zero import loss_division_by_zero as rule

PLACE = Place("train.py", 30)
DIV = NonFiniteFact("forward", "inf", 0, 3, "__truediv__", PLACE, None, 0.0, 0.0, 0.8, 0.4)
CURVE = CurveFact(0, (0.7, 0.5, math.inf))


def facts(row: NonFiniteFact, curve: CurveFact = CURVE) -> Facts:
    """Return facts of one operation and one curve."""
    return Facts(nonfinite=(row,), curves=(curve,), loss_calls=())


@pytest.mark.parametrize(
    "row",
    [
        DIV,
        replace(DIV, function="div", operand_max=7.0),
        replace(DIV, function="rsqrt", operand_max=3.0),
        replace(DIV, function="reciprocal", where="backward"),
        replace(DIV, function="norm", where="backward", kind="nan"),
        replace(DIV, function="linalg_vector_norm", where="backward", kind="nan", operand_min=None),
        replace(DIV, function="std", kind="nan", operand_min=2.0, operand_max=2.0),
    ],
)
def test_divisions_by_zero_are_found(row: NonFiniteFact) -> None:
    """Divisions, zero norms and deviations of one value are named with their line."""
    (found,) = rule.judge(facts(row)) or []

    assert found.where == (PLACE,)
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.kind == "clamp_operand"
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        facts(DIV, CurveFact(0, (0.7, 0.5))),
        facts(replace(DIV, operand_min=1.0, operand_max=2.0)),
        facts(replace(DIV, operand_min=None, operand_max=None)),
        facts(replace(DIV, max_weight=1e5)),
        facts(replace(DIV, loss_before=1e6)),
        facts(replace(DIV, function="exp")),
        facts(replace(DIV, function="norm")),
        facts(replace(DIV, function="log")),
        facts(replace(DIV, where="input")),
        Facts(nonfinite=(), loss_calls=()),
    ],
)
def test_silent(near: Facts) -> None:
    """Harmless quotients, overflow and runs that had blown up are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
