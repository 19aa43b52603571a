"""Figures and words."""

import math

import pytest

from torchladder.core.findings import Measurement
from torchladder.report.text import clean, figure, measured, numbers_as_ranges


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.00041, "0.00041"),
        (2.302585, "2.303"),
        (60000, "60,000"),
        (1234567.0, "1,234,567"),
        (1.5e-9, "1.50e-09"),
        (1.0, "1"),
        (-0.25, "-0.25"),
        (math.nan, "NaN"),
        ("inf", "infinite"),
        (True, "yes"),
        (None, "not known"),
        ([64, 64], "[64, 64]"),
        ((1,) * 12, "[1, 1, 1, 1, 1, 1, 1, 1, ...]"),
        ({"a": 1.5}, "a: 1.5"),
    ],
)
def test_figures(value: object, expected: str) -> None:
    """Four significant digits, thousands grouped, the special values in words."""
    assert expected == figure(value)


def test_measurement_says_value_step_and_expectation() -> None:
    """All parts of a measurement are said, in one order."""
    one = Measurement("loss", 6.9078, "nats", expected="2.30 = ln(10)", step=0)

    assert measured(one) == "loss: 6.908 nats at step 0; expected 2.30 = ln(10)"


def test_control_characters_are_written_out() -> None:
    """What a terminal would obey becomes visible."""
    assert clean("a\x1b[31mb\u202e\nc") == "a\\x1b[31mb\\u202e c"


def test_ranges() -> None:
    """Neighbours are joined."""
    assert numbers_as_ranges([7, 3, 5, 4]) == "3-5, 7"
