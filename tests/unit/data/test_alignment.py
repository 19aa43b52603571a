"""The displacement scan against knowing the answer."""

import numpy as np
import pytest

from torchladder.data.alignment import in_batches, in_list, scan
from torchladder.data.neighbours import nearest

RNG = np.random.default_rng(0)
N = 600
X = RNG.normal(size=(N, 4))
Y = (X[:, 0] > 0).astype(int) + 2 * (X[:, 1] > 0)
NEAR = nearest(X)[0]
ROWS = np.arange(N)


@pytest.mark.parametrize("shift", [0, 1, -1, 17, -64])
def test_a_shift_is_found(shift: int) -> None:
    """Labels that moved on by s places are found s places further on."""
    found = scan(np.roll(Y, shift), NEAR, in_list(ROWS, N))

    assert (found.how, found.shift) == ("shift", shift)
    assert found.z_best > 15
    assert found.z_next < 5
    assert abs(found.z_here) < 4 or shift == 0


def test_labels_turned_round_are_found() -> None:
    """The list may run backwards."""
    assert scan(Y[::-1], NEAR, in_list(ROWS, N)).how == "reversed"


@pytest.mark.parametrize("first", [0, 1])
def test_names_sorted_as_text_are_found_on_either_side(first: int) -> None:
    """Sample "10" stands before sample "2", in the list of samples or in that of labels."""
    text = np.array(sorted(range(first, N + first), key=str)) - first
    samples, labels = scan(Y, nearest(X[text])[0], in_list(ROWS, N)), scan(Y[text], NEAR, in_list(ROWS, N))

    assert (samples.how, samples.shift) == ("names", first)
    assert (labels.how, labels.shift) == ("names", -1 - first)


def test_some_rows_are_enough() -> None:
    """Samples may be compared in part, as long as the list of labels is whole."""
    rows = ROWS[::3]

    assert scan(np.roll(Y, 2), nearest(X[rows])[0], in_list(rows, N)).shift == 2


def test_labels_displaced_within_batches_are_found() -> None:
    """Each batch is a circle of its own."""
    sizes = [60] * 10
    moved = np.concatenate([np.roll(part, 3) for part in np.split(Y, 10)])
    turned = np.concatenate([part[::-1] for part in np.split(Y, 10)])

    assert scan(moved, NEAR, in_batches(sizes)).shift == 3
    assert scan(turned, NEAR, in_batches(sizes)).how == "reversed"


def test_noise_has_no_displacement() -> None:
    """The best of all displacements of unrelated labels stays below the rule's limit."""
    best = [scan(np.random.default_rng(s).integers(4, size=N), NEAR, in_list(ROWS, N)).z_best for s in range(5)]

    assert max(best) < 6


def test_values_are_scanned_by_correlation() -> None:
    """Regression targets, too."""
    found = scan(np.roll(X[:, 0], 5), NEAR, in_list(ROWS, N), classes=False)

    assert found.shift == 5
    assert found.score_best > 0.5
