"""Confident learning against labels known to be wrong."""

import numpy as np
import pytest

from torchladder.data.label_noise import find_noise, joint, probabilities

RNG = np.random.default_rng(0)
CENTRES = 6 * RNG.normal(size=(4, 8))
TRUE = RNG.integers(4, size=600)
X = CENTRES[TRUE] + RNG.normal(size=(600, 8))


def test_wrong_labels_are_estimated_and_named() -> None:
    """One in ten, and the rows named are among them."""
    wrong = RNG.permutation(600)[:60]
    given = TRUE.copy()
    given[wrong] = (given[wrong] + 1 + RNG.integers(3, size=60)) % 4
    found = find_noise(X, given)

    assert found.estimated == pytest.approx(0.1, abs=0.02)
    assert {i for i, *_ in found.candidates} <= set(wrong.tolist())
    assert all(TRUE[i] == rather and given[i] == label for i, label, rather, _ in found.candidates)


def test_clean_labels_are_left_alone() -> None:
    """Well separated classes have no candidates."""
    found = find_noise(X, TRUE)

    assert found.accuracy > 0.98
    assert found.estimated < 0.01


def test_the_joint_counts_as_a_loop_does() -> None:
    """Rows whose probability reaches a class's threshold, calibrated to the given counts."""
    p = probabilities(X[:100], TRUE[:100])
    labels = TRUE[:100]
    thresholds = [np.mean([p[i, c] for i in range(100) if labels[i] == c]) for c in range(4)]
    counts = np.zeros((4, 4))
    for i in range(100):
        reached = [c for c in range(4) if p[i, c] >= thresholds[c]]
        if reached:
            counts[labels[i], max(reached, key=lambda c: p[i, c])] += 1
    counts = counts / counts.sum(axis=1, keepdims=True) * np.bincount(labels)[:, None]

    assert joint(labels, p)[0] == pytest.approx(counts / counts.sum())
