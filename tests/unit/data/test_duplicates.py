"""Duplicates against comparing all pairs."""

import numpy as np

from torchladder.data import duplicates

RNG = np.random.default_rng(0)


def test_overlap_counts_what_all_pairs_would() -> None:
    """Equal after rounding to float32, wherever they stand."""
    train = RNG.normal(size=(80, 6))
    held = np.concatenate([train[[3, 3, 40]], RNG.normal(size=(20, 6))])
    by_hand = sum(any(np.array_equal(a.astype(np.float32), b.astype(np.float32)) for a in train) for b in held)
    found = duplicates.overlap(train, held)

    assert found.shared == by_hand == 3
    assert found.held == 23
    assert found.pairs == ((3, 0), (3, 1), (40, 2))
    assert found.within == 0
    assert found.continuous == 6


def test_blank_samples_are_no_duplicates() -> None:
    """Samples of one value throughout say nothing."""
    blank = np.zeros((5, 4))

    assert duplicates.overlap(blank, blank).shared == 0
    assert len(duplicates.first_of_each(blank)) == 5


def test_copies_within_training_are_counted() -> None:
    """The share of rows that occur more than once."""
    x = RNG.normal(size=(30, 3))
    twice = np.concatenate([x, x[:10]])

    assert duplicates.overlap(twice, x[:1]).within == 20 / 40
    assert duplicates.first_of_each(twice).tolist() == list(range(30))


def test_minus_zero_is_zero() -> None:
    """Bytes differ, numbers do not."""
    assert duplicates.keys(np.array([[0.0, 1.0]])) == duplicates.keys(np.array([[-0.0, 1.0]]))


def test_bits_tell_dice_from_measurements() -> None:
    """Three dice agree by chance, six measurements never."""
    dice, _ = duplicates.coincidence(RNG.integers(6, size=(500, 3)))
    measured, continuous = duplicates.coincidence(RNG.normal(size=(500, 6)))

    assert 7 < dice < 8  # 3 * log2(6)
    assert measured > 50
    assert continuous == 6


def test_near_copies_are_found() -> None:
    """A slightly disturbed copy is far nearer than a neighbour."""
    train = RNG.normal(size=(200, 8))
    held = np.concatenate([train[:30] + 1e-4, RNG.normal(size=(70, 8))])

    assert duplicates.near_share(train, held) == 0.3
