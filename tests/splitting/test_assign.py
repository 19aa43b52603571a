"""Dealing out units and classes: nothing is torn apart, shares are as wished."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchladder.splitting.assign import Shares, assign, tabled

THREE = (0.8, 0.1, 0.1)


def test_single_samples_get_exact_shares_of_each_class() -> None:
    """A thousand samples of four classes: each side has its tenth of each class, to a sample."""
    classes = np.repeat(np.arange(4), [400, 300, 200, 100])

    sides = assign(Shares(np.arange(1000), classes, THREE), seed=0)

    assert tabled(classes, sides, 3).tolist() == [[320, 240, 160, 80], [40, 30, 20, 10], [40, 30, 20, 10]]


def test_rounding_of_many_small_classes_does_not_add_up() -> None:
    """Two hundred classes of seven: the sides are within a hundredth of what was wished, and each has every class."""
    classes = np.repeat(np.arange(200), 7)

    table = tabled(classes, assign(Shares(np.arange(1400), classes, (0.7, 0.15, 0.15)), seed=0), 3)

    assert table.min() >= 1
    assert np.abs(table.sum(axis=1) / 1400 - [0.7, 0.15, 0.15]).max() < 0.01


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=3, max_size=40), st.integers(0, 5))
def test_no_unit_is_torn_apart_and_no_side_is_empty(sizes: list[int], seed: int) -> None:
    """Whatever the sizes of the units, each is on one side, and each side has one."""
    units = np.repeat(np.arange(len(sizes)), sizes)
    classes = np.random.default_rng(seed).integers(0, 3, len(units))

    sides = assign(Shares(units, classes, THREE), seed)

    assert set(sides) == {0, 1, 2}
    assert all(len(set(sides[units == u])) == 1 for u in range(len(sizes)))


@pytest.mark.parametrize("seed", [0, 1])
def test_groups_are_stratified_as_far_as_they_go(seed: int) -> None:
    """Sixty groups of two kinds: each side's share of the rare class is near that of all."""
    rng = np.random.default_rng(3)
    units = np.repeat(np.arange(60), rng.integers(5, 30, 60))
    classes = (np.isin(units, rng.choice(60, 12, replace=False))).astype(np.int64)

    table = tabled(classes, assign(Shares(units, classes, THREE), seed), 3)

    rare = table[:, 1] / table.sum(axis=1)
    assert np.abs(rare - rare[0]).max() < 0.05
    assert np.abs(table.sum(axis=1) / table.sum() - THREE).max() < 0.03


def test_the_seed_decides() -> None:
    """One seed gives one split, another another."""
    shares = Shares(np.arange(300), np.zeros(300, dtype=np.int64), THREE)

    assert (assign(shares, 1) == assign(shares, 1)).all()
    assert (assign(shares, 1) != assign(shares, 2)).any()
