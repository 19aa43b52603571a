"""loss-log-of-zero on facts written by hand."""

import math
from dataclasses import replace

import pytest

from torchladder.core.facts import CurveFact, Facts, NonFiniteFact
from torchladder.core.findings import Place
from torchladder.rules.loss.loss_log_of_zero import loss_log_of_zero as rule

PLACE = Place("train.py", 30)
LOG = NonFiniteFact("forward", "inf", 0, 12, "log", PLACE, None, 0.0, 0.9, 0.8, 0.4)
CURVE = CurveFact(0, (0.7, 0.5, math.nan))


def facts(row: NonFiniteFact, curve: CurveFact = CURVE) -> Facts:
    """Return facts of one operation and one curve."""
    return Facts(nonfinite=(row,), curves=(curve,), loss_calls=())


BACK = replace(LOG, where="backward", kind="nan", function="sqrt", operand_max=2.0)


@pytest.mark.parametrize(
    "row",
    [
        LOG,
        replace(LOG, kind="nan", operand_min=-0.5),
        replace(LOG, function="log1p", operand_min=-1.0),
        replace(LOG, function="sqrt", kind="nan", operand_min=-2.0),
        BACK,
        replace(BACK, operand_min=None, operand_max=None),
        replace(BACK, function="acos", operand_min=0.2, operand_max=1.0),
        replace(LOG, function="pow", kind="nan", operand_min=-0.3),
    ],
)
def test_leaving_the_domain_is_found(row: NonFiniteFact) -> None:
    """Logarithms, roots, powers and arcs are named with their line."""
    (found,) = rule.judge(facts(row)) or []

    assert found.where == (PLACE,)
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.kind == "clamp_operand"
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        facts(LOG, CurveFact(0, (0.7, 0.5, 0.4))),
        facts(LOG, replace(CURVE, phase=1)),
        facts(replace(LOG, max_weight=5e4)),
        facts(replace(LOG, loss_before=9e3)),
        facts(replace(LOG, function="exp", operand_min=0.0, operand_max=120.0)),
        facts(replace(LOG, where="input")),
        facts(replace(LOG, operand_min=0.1)),
        facts(replace(LOG, operand_min=None)),
        facts(replace(LOG, function="pow", operand_min=-1e30, operand_max=1e30)),
        facts(replace(LOG, function="div")),
        facts(replace(BACK, function="acos", operand_min=-0.5, operand_max=0.5)),
        Facts(nonfinite=(), loss_calls=()),
    ],
)
def test_silent(near: Facts) -> None:
    """Harmless infinities, overflow and runs that had blown up are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
