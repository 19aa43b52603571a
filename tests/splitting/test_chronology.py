"""Splits in time."""

import numpy as np
import pytest

from torchladder.core.errors import UsageError
from torchladder.splitting.chronology import first_come, in_time, span

THREE = (0.8, 0.1, 0.1)


def test_later_samples_are_held_out_and_ties_stay_together() -> None:
    """Days of three samples each, shuffled: no day is on two sides, and the sides follow each other."""
    times = np.random.default_rng(0).permutation(np.repeat(np.arange(40.0), 3))

    sides = in_time(times, THREE, 0.0, "day")

    assert times[sides == 0].max() < times[sides == 1].min()
    assert times[sides == 1].max() < times[sides == 2].min()
    assert np.bincount(sides).tolist() == [96, 12, 12]


def test_a_gap_is_left_out_on_no_side() -> None:
    """What follows a side within the gap belongs nowhere."""
    times = np.arange(100.0)

    sides = in_time(times, THREE, 3.0, "t")

    assert times[sides < 0].tolist() == [80, 81, 82, 90, 91, 92]
    assert in_time(np.append(times, np.nan), THREE, 0.0, "t")[-1] == -1


@pytest.mark.parametrize(("times", "words"), [(np.ones(50), "1 different time"), (np.arange(50.0), "a gap of 99")])
def test_what_cannot_be_is_said(times: np.ndarray, words: str) -> None:
    """One day only, or a gap longer than what follows."""
    with pytest.raises(UsageError, match=words):
        in_time(times, THREE, 99.0, "t")


def test_what_an_earlier_side_has_is_left_out_of_later_ones() -> None:
    """A group that training has is not held out."""
    sides, units = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 2])

    assert first_come(sides, units).tolist() == [0, 0, -1, 1, -1]


def test_lengths_of_time() -> None:
    """Days and hours in seconds; a bare number is in the column's own unit."""
    assert (span("2d"), span("1.5h"), span("3")) == (172800, 5400, 3)
    with pytest.raises(ValueError, match="no length"):
        span("soon")
