"""Altered copies: found by their groups, whatever else lies around; natural twins are not."""

import numpy as np
import pytest
from sklearn import datasets

from torchladder.data.copies import find_copies

DIGITS = datasets.load_digits()
IMAGES, LABELS = DIGITS.images / 16, DIGITS.target


def enlarged(n: int, copies: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return n digits, each so many times with other noise and brightness, split at random into quarters."""
    rng = np.random.default_rng(seed)
    x, y = np.tile(IMAGES[:n], (copies, 1, 1)), np.tile(LABELS[:n], copies)
    x = x * rng.uniform(0.9, 1.1, (len(x), 1, 1)) + 0.02 * rng.standard_normal(x.shape)
    return x, y, (rng.random(len(x)) < 0.25).astype(np.int64)


@pytest.mark.parametrize(("n", "copies"), [(120, 10), (500, 2), (400, 12)])
def test_copies_made_before_a_split_are_found(n: int, copies: int) -> None:
    """All groups have one size and one label, and most held-out samples have training samples in theirs."""
    found = find_copies(*enlarged(n, copies), classes=True)

    assert found is not None
    assert found.size == copies
    assert found.share > 0.95
    assert found.one_label > 0.95
    assert found.held > 0.6
    assert found.apart > 1.3
    assert found.bits > 40


def test_copies_of_flat_pictures_are_found_among_columns_of_noise() -> None:
    """A column that is blank but for the noise is as wide as any other once it is standardised."""
    x, y, side = enlarged(300, 4)
    found = find_copies(x.reshape(len(x), -1), y, side, classes=True)

    assert found is not None
    assert found.size == 4
    assert found.share > 0.95


def test_a_third_side_makes_the_groups_whole() -> None:
    """Copies that a test part holds are counted, though nothing is asked about it."""
    x, y, side = enlarged(120, 10)
    side[np.random.default_rng(1).random(len(x)) < 0.2] = 2
    found = find_copies(x, y, side, classes=True)

    assert found is not None
    assert (found.size, found.share) == (10, 1.0)


def test_copies_made_after_a_split_are_on_one_side_each() -> None:
    """The groups are there, none of them is torn."""
    x, y, _ = enlarged(120, 10)
    found = find_copies(x, y, (np.arange(len(x)) % 120 < 30).astype(np.int64), classes=True)

    assert found is not None
    assert found.held == 0


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer", "diabetes"])
def test_natural_data_comes_one_by_one(name: str) -> None:
    """Real samples have near twins, but not all of them equally many."""
    data = getattr(datasets, f"load_{name}")()
    side = (np.arange(len(data.data)) % 4 == 0).astype(np.int64)
    found = find_copies(data.data, data.target, side, classes=name != "diabetes")

    assert found is None or found.share < 0.6


def test_classes_and_corners_are_no_copies() -> None:
    """Groups that are the classes have no second group of their label; a few corners can agree by chance."""
    rng = np.random.default_rng(0)
    x, y = datasets.make_blobs(1200, 20, centers=120, random_state=0)
    side = (rng.random(1200) < 0.25).astype(np.int64)
    blobs = find_copies(x, y, side, classes=True)
    corners = np.array([
        [a, b, c, d, e] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1) for e in (0, 1)
    ])
    x = np.tile(corners, (20, 1)) + 0.02 * rng.standard_normal((640, 5))
    parity = find_copies(x, np.tile(corners.sum(1) % 2, 20), side[:640], classes=True)

    assert blobs is None or blobs.one_label == 0
    assert parity is None or parity.bits < 40
