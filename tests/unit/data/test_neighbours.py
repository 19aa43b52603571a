"""Neighbours and their agreement against loops."""

import numpy as np
import pytest

from torchladder.data import neighbours
from torchladder.data.features import as_matrix, narrow, standardised

RNG = np.random.default_rng(0)


def test_nearest_is_what_a_loop_finds() -> None:
    """The fast distances order rows as plain norms do, a row itself left out."""
    x = RNG.normal(size=(60, 5))
    found, near = neighbours.nearest(x, 3)
    for i, row in enumerate(x):
        by_hand = sorted((float(np.linalg.norm(row - other)), j) for j, other in enumerate(x) if j != i)[:3]
        assert [j for _, j in by_hand] == found[i].tolist()
        assert near[i] == pytest.approx([d for d, _ in by_hand])


def test_nearest_among_others_may_be_the_row_itself() -> None:
    """In another set an equal row is a neighbour like any other."""
    x = RNG.normal(size=(20, 4))

    assert neighbours.nearest(x, 1, x)[0][:, 0].tolist() == list(range(20))


def test_agreement_and_its_expectation_count_pairs() -> None:
    """Both are shares of pairs with equal labels."""
    y = RNG.integers(3, size=40)
    found, _ = neighbours.nearest(RNG.normal(size=(40, 2)))
    pairs = [y[i] == y[j] for i in range(40) for j in found[i]]
    every = [y[i] == y[j] for i in range(40) for j in range(40) if i != j]

    assert neighbours.agreement(y, found) == pytest.approx(np.mean(pairs))
    assert neighbours.expected_agreement(y) == pytest.approx(np.mean(every))


def test_correlation_is_that_of_numpy() -> None:
    """A value against the mean of its neighbours' values."""
    y = RNG.normal(size=50)
    found, _ = neighbours.nearest(RNG.normal(size=(50, 2)))

    assert neighbours.correlation(y, found) == pytest.approx(np.corrcoef(y, y[found].mean(axis=1))[0, 1])


@pytest.mark.parametrize("classes", [True, False])
def test_surprise_is_near_zero_for_noise_and_large_for_structure(classes: bool) -> None:
    """Noise stays within four errors of chance, labels made from the inputs do not."""
    x = RNG.normal(size=(400, 3))
    found, _ = neighbours.nearest(x)
    values = [RNG.normal(size=400), x[:, 0] + x[:, 1]]
    noise, real = (neighbours.surprise(v > 0 if classes else v, found, classes=classes)[2] for v in values)

    assert abs(noise) < 4
    assert real > 8


def test_features_of_tables_pictures_and_ids() -> None:
    """Columns are standardised, long axes averaged down, ids counted; constant columns become 0."""
    table = np.column_stack([RNG.normal(5, 3, 100), np.full(100, 7.0)]).astype(np.float32)
    ids = np.array([[1, 1, 2], [2, 2, 2]])

    assert standardised(table.astype(float))[:, 0].std() == pytest.approx(1)
    assert (as_matrix(table)[:, 1] == 0).all()
    assert as_matrix(RNG.normal(size=(7, 3, 64, 64))).shape == (7, 256)
    assert as_matrix(ids)[0, 1] == pytest.approx(np.sqrt(2 / 3))
    assert narrow(RNG.normal(size=(4, 1000))).shape == (4, 256)


def test_features_survive_what_is_not_finite() -> None:
    """NaN and Inf become 0, so that a broken value does not hide the rest."""
    x = RNG.normal(size=(30, 4))
    x[3, 1], x[4, 2] = np.nan, np.inf

    assert np.isfinite(as_matrix(x)).all()
