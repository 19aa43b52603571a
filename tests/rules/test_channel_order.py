"""channel-order on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import HELD, facts, survey
from torchladder.core.data_facts import MismatchFact
from torchladder.core.findings import Severity
from torchladder.rules.data.channel_order import channel_order as rule

BGR = MismatchFact(
    0, 1.0, 0.0, 0.01, 0.1, 980, 300, order=(2, 1, 0), order_distance=2.0, own_distance=90.0,
    kind="classes", asked=300, own_score=0.3, mapped_score=0.3, ordered_score=0.95,
)  # fmt: skip


def test_channels_the_other_way_round_are_an_error() -> None:
    """Moments agree in another order, and the model answers better."""
    (found,) = rule.judge(facts(survey(mismatches=(BGR,)))) or []

    assert found.severity is Severity.ERROR
    assert found.where[0] == HELD.made


@pytest.mark.parametrize(
    "m",
    [
        replace(BGR, order=()),
        replace(BGR, order=(0, 1, 2)),
        replace(BGR, own_distance=4.0),
        replace(BGR, order_distance=20.0, ordered_score=(BGR.own_score or 0.0) + 0.1),
        replace(BGR, ordered_score=0.31),
        replace(BGR, ordered_score=None),
        replace(BGR, asked=10),
    ],
)
def test_silent(m: MismatchFact) -> None:
    """Grey pictures, other colours, orders at which the model does no better."""
    assert rule.judge(facts(survey(mismatches=(m,)))) == []
