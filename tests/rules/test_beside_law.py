"""Which runs beside a law are named, and which are left alone."""

import pytest

from torchladder.core.facts import Facts
from torchladder.core.line_facts import LineFact
from torchladder.rules.outcome.above_scaling_line import above_scaling_line
from torchladder.rules.outcome.too_good import too_good


def names(**changes) -> list[str]:
    base = {"name": "big", "loss": 2.0, "low": 1.98, "expected": 2.0, "high": 2.02, "level": 0.95, "spread": 0.004,
            "runs": 12, "held": True}  # fmt: skip
    facts = Facts(lines=(LineFact(**base | changes),))
    return [f.name for rule in (too_good, above_scaling_line) for f in rule.judge(facts) or []]


def test_a_run_far_above_is_named() -> None:
    """A bug."""
    assert names(loss=2.1) == ["above-scaling-line"]


def test_a_run_far_below_is_named() -> None:
    """A leak."""
    assert names(loss=1.9) == ["too-good"]


@pytest.mark.parametrize(
    "changes",
    [{"loss": 2.01}, {"loss": 2.025}, {"loss": 2.1, "held": False}, {"loss": 2.1, "reach": 1e4},
     {"loss": 2.1, "spread": 0.02}, {"loss": 2.1, "high": 2.09}, {"loss": 2.015, "high": 2.001, "spread": 0.0}],
)  # fmt: skip
def test_doubt_is_silence(changes) -> None:
    """Within reach of chance, of a law that does not hold, or far beyond its runs."""
    assert names(**changes) == []
