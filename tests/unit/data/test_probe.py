"""Linear probes, stumps and moments against slow ways."""

import numpy as np
import pytest

from torchladder.data import moments, probe, stumps

RNG = np.random.default_rng(0)


def test_out_of_fold_is_a_fit_without_the_row() -> None:
    """Each prediction comes from a regression on the other folds alone."""
    x, y = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 1))
    fold = probe.folds(50)
    out = probe.out_of_fold(x, y)
    for f in range(probe.FOLDS):
        weights = probe.fitted(x[fold != f], y[fold != f])
        assert out[fold == f] == pytest.approx(x[fold == f] @ weights[:-1] + weights[-1])


def test_a_vanishing_ridge_is_least_squares() -> None:
    """With next to no penalty the weights are those of lstsq."""
    x, y = RNG.normal(size=(80, 4)), RNG.normal(size=(80, 2))
    plain = np.linalg.lstsq(np.column_stack([x, np.ones(80)]), y, rcond=None)[0]

    assert probe.fitted(x, y, ridge=1e-12) == pytest.approx(plain, abs=1e-6)


def test_scores_of_what_can_and_cannot_be_read() -> None:
    """Linear classes are read, noise is not."""
    x = RNG.normal(size=(400, 5))

    assert probe.class_score(x, x[:, 0] > 0) > 0.9
    assert probe.class_score(x, RNG.integers(2, size=400)) < 0.62
    assert probe.value_score(x, 3 * x[:, 1] + 7) > 0.99
    assert probe.value_score(x, np.full(400, 2.0)) == 0


def test_the_column_made_from_the_target_is_the_strongest() -> None:
    """Its bins alone are always right; the others do what they can."""
    x = RNG.normal(size=(600, 4))
    y = (x[:, 0] + RNG.normal(size=600) > 0).astype(int)
    x[:, 2] = np.where(y, RNG.uniform(1, 9, 600), 0.0)
    found = stumps.strongest((x - x.mean(axis=0)) / x.std(axis=0), y, classes=True)

    assert found.column == 2
    assert found.alone == 1
    assert 0.6 < found.rest < 0.85


def test_a_binned_column_explains_a_curve() -> None:
    """No line fits it, bins do."""
    x = RNG.uniform(-1, 1, 800)

    assert stumps.binned_score(x, x**2, classes=False) > 0.95


def test_a_forgotten_standardisation_is_a_straight_line() -> None:
    """Scale and offset are found, and the misfit is that of sampling."""
    raw = RNG.gamma(2, 2, 5000)
    line = moments.affine((raw[:4000] - raw.mean()) / raw.std(), raw[4000:])

    assert line is not None
    assert line.scale == pytest.approx(raw.std(), rel=0.1)
    assert line.offset == pytest.approx(raw.mean(), rel=0.1)
    assert line.misfit < 0.1
    assert line.apart > 1


def test_other_data_is_no_straight_line() -> None:
    """Two humps are not one hump on another scale."""
    humps = np.concatenate([RNG.normal(-5, 1, 2000), RNG.normal(5, 1, 2000)])
    line = moments.affine(RNG.exponential(1, 4000), humps)

    assert line is not None
    assert line.misfit > 0.2


def test_constant_values_have_no_line() -> None:
    """Nothing to compare."""
    assert moments.affine(np.ones(50), np.arange(50.0)) is None


def test_the_order_of_channels_is_found() -> None:
    """BGR against RGB."""
    pictures = RNG.normal(size=(200, 3, 4, 4)) + np.array([0.0, 1.0, 2.0])[:, None, None]
    order, fits, own = moments.channel_order(pictures[:100], pictures[100:, ::-1])

    assert order == (2, 1, 0)
    assert fits < 5 < own


def test_held_out_samples_get_the_moments_of_training() -> None:
    """Per column of a table, over everything otherwise."""
    train, held = RNG.normal([1, 5], [1, 3], (500, 2)), RNG.normal([0, 900], [1, 50], (500, 2))
    mapped = moments.as_trained(train, held, held)

    assert mapped.mean(axis=0) == pytest.approx(train.mean(axis=0))
    assert mapped.std(axis=0) == pytest.approx(train.std(axis=0))
