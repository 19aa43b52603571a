"""The statistics beside their textbook forms and beside scipy's, and what they promise in repeated use."""

import math

import numpy as np
import pytest
import scipy.stats

from torchladder.ablation.statistics import LEVEL, differences, holm, looks, paired, power, seeds_needed, settled


def test_the_interval_is_that_of_the_paired_t_test() -> None:
    """Worked by hand: differences 1, 2, 3 have mean 2, deviation 1 and the interval 2 ± 4.303 / sqrt(3)."""
    one = paired([1.0, 2.0, 3.0])

    assert (one.n, one.mean, one.deviation) == (3, 2.0, 1.0)
    assert one.margin == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_p_is_that_of_scipy() -> None:
    """On twenty random pairs of five seeds."""
    rng = np.random.default_rng(0)
    for a, b in rng.normal(size=(20, 2, 5)):
        expected = scipy.stats.ttest_rel(b, a).pvalue

        assert paired(list(b - a)).p == pytest.approx(expected, rel=1e-9)


def test_only_seeds_that_both_have_are_paired() -> None:
    """In the order of the seeds."""
    assert [2.0, 5.0] == differences({3: 9.0, 1: 3.0, 7: 0.0}, {1: 1.0, 2: 1.0, 3: 4.0})


def test_one_seed_has_no_spread() -> None:
    """No interval and no p are made up."""
    one = paired([0.4])

    assert (one.margin, one.p, one.deviation) == (None, None, None)


def test_two_equal_differences_of_one_sample_are_no_proof() -> None:
    """Accuracy on 180 samples moves by 1/180: the same step twice is likely by chance; without steps it is not."""
    step = 1 / 180

    assert paired([step, step], step).p == pytest.approx(0.178, abs=0.01)
    assert paired([step, step]).p == 0.0


def test_equal_at_every_seed_is_no_difference() -> None:
    """No spread is made up for them, and no seeds would settle anything."""
    one = paired([0.0, 0.0], 0.1)

    assert (one.p, one.margin) == (1.0, 0.0)
    assert seeds_needed(one.mean, one.deviation) is None


def test_differences_that_cancel_out_are_zero() -> None:
    """What is left is rounding, which no number of seeds would settle."""
    assert paired([0.1 + 0.2 - 0.3, 0.3, -0.3]).mean == 0.0


def test_holm_by_hand() -> None:
    """The smallest of four is multiplied by 4, the next by 3, and none is below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_power_is_what_a_simulation_finds() -> None:
    """Noncentral t beside 20,000 draws."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.5, 1.0, size=(20_000, 12))
    found = scipy.stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < LEVEL

    assert power(0.5, 1.0, 12, LEVEL) == pytest.approx(found.mean(), abs=0.012)


def test_needed_seeds_have_the_power_and_one_fewer_has_not() -> None:
    """As documented: 80 % at 5 % over the number of changes."""
    for difference, deviation, changes in ((0.2, 0.2013, 1), (0.2, 0.2013, 4), (1.0, 0.3, 1), (0.1, 1.0, 2)):
        n = seeds_needed(difference, deviation, changes) or 0

        assert power(difference, deviation, n, LEVEL / changes) >= 0.8
        assert n == 2 or power(difference, deviation, n - 1, LEVEL / changes) < 0.8


def test_seeds_needed_of_a_tiny_difference_are_not_counted() -> None:
    """Beyond a thousand it is not worth a number."""
    assert seeds_needed(0.001, 1.0) is None


def test_looks_stay_few() -> None:
    """One before three seeds, four before eight, none before two."""
    assert [looks(n) for n in (1, 2, 3, 4, 8)] == [[], [], [2], [2, 3], [2, 3, 4, 6]]


def test_a_look_takes_the_spread_of_all_changes() -> None:
    """Two differences each: a fall of 30 is settled beside changes that spread by 0.2, and the small ones are not."""
    found = {"awful": [-30.0, -30.2], "a": [0.1, 0.3], "b": [0.2, -0.1]}

    one = settled(found, 3, 3)

    assert list(one) == ["awful"]
    assert one["awful"].early
    assert (one["awful"].margin or 9) < 1 < (paired(found["awful"]).margin or 0)


def test_a_change_with_a_spread_of_its_own_keeps_it() -> None:
    """Calm neighbours prove nothing about a change that tosses about."""
    found = {"wild": [-30.0, -2.0], "a": [0.1, 0.3], "b": [0.2, -0.1], "c": [0.0, 0.1]}

    assert settled(found, 3, 4) == {}


def test_one_difference_settles_nothing() -> None:
    """However large it is."""
    assert settled({"a": [50.0]}, 3, 1) == {}
