"""Charts as data: thinned without losing what matters, and gaps where a value is no number."""

import math

from torchladder.core.charts import is_steep, line


def test_a_short_series_is_kept_whole():
    """Every point, and NaN as a gap."""
    one = line("loss", [0, 1, 2], [3.0, math.nan, 1.0])

    assert one.x == (0.0, 1.0, 2.0)
    assert one.y == (3.0, None, 1.0)


def test_a_million_points_become_some_hundreds_and_keep_the_extremes():
    """A single spike, a single dip, a single NaN and both ends stay."""
    y = [1.0] * 1_000_000
    y[123_456], y[765_432], y[500_000] = 99.0, -99.0, math.nan
    one = line("loss", range(len(y)), y, points=600)

    assert len(one.x) < 700
    assert {99.0, -99.0, None} <= set(one.y)
    assert (one.x[0], one.x[-1]) == (0.0, 999_999.0)
    assert list(one.x) == sorted(one.x)


def test_values_over_powers_of_ten_are_steep():
    """Above zero, and more than two powers of ten apart."""
    assert is_steep([0.001, 1.0])
    assert not is_steep([0.0, 1000.0])
    assert not is_steep([1.0, 50.0])
    assert not is_steep([None])
