"""The classifier two-sample test: silent on random splits, loud on planted shifts, and by what it says."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine

from torchladder.data.drift import area_under, class_distance, drop_by_chance, telling_features, told_apart


@pytest.mark.slow
def test_random_splits_are_hardly_ever_told_apart() -> None:
    """Forty splits of two tables: none comes near the alarm, and small probabilities are rare."""
    found = []
    for load in (load_breast_cancer, load_wine):
        x = load().data
        for seed in range(20):
            order = np.random.default_rng(seed).permutation(len(x))
            cut = len(x) * 2 // 3
            apart = told_apart(x[order[:cut]], x[order[cut:]])
            assert apart is not None
            found.append(apart)

    assert max(a.area for a in found) < 0.65
    assert min(a.p for a in found) > 1e-4
    assert np.mean([a.p < 0.05 for a in found]) <= 0.15


@pytest.mark.parametrize("shift", ["mean", "spread", "together"])
def test_planted_shifts_are_told_apart(shift: str) -> None:
    """One that a line sees, one that only trees see, one that no single column shows."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(600, 4)), rng.normal(size=(600, 4))
    if shift == "mean":
        b[:, 1] += 1.5
    elif shift == "spread":
        b[:, 1] *= 4
    else:
        b[:, 1] = b[:, 0] + 0.3 * rng.normal(size=600)
    apart = told_apart(a, b)

    assert apart is not None
    assert apart.area > 0.75
    assert apart.p < 1e-12


def test_few_samples_are_not_judged() -> None:
    """Thirty on one side."""
    assert told_apart(np.zeros((400, 3)), np.zeros((30, 3))) is None


def test_the_feature_that_moved_is_named_first() -> None:
    """With its mean on each side; features that did not move are not named."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(500, 5)), rng.normal(size=(500, 5))
    b[:, 3] += 1
    found = telling_features(a, b, ("a", "b", "c", "d", "e"))

    assert [f.name for f in found] == ["d"]
    assert float(found[0].held) - float(found[0].train) == pytest.approx(1, abs=0.2)


def test_area_counts_ties_half() -> None:
    """All scores alike are no difference."""
    y = np.array([0.0, 0, 1, 1])

    assert area_under(np.zeros(4), y) == 0.5
    assert area_under(np.array([1.0, 2, 3, 4]), y) == 1.0


def test_class_shares() -> None:
    """Equal shares of unequal sides are no distance."""
    assert class_distance({"a": 100, "b": 300}, {"a": 10, "b": 30})[0] == 0
    distance, p = class_distance({"a": 100, "b": 300}, {"a": 300, "b": 100})
    assert distance == pytest.approx(0.5)
    assert p < 1e-30
    assert class_distance({"a": 5}, {"a": 9}) == (0.0, 1.0)


def test_a_drop_of_accuracy_by_chance() -> None:
    """Nine in ten against six in ten, on few and on many samples."""
    assert drop_by_chance(0.9, 20, 0.8, 20) > 0.05
    assert drop_by_chance(0.9, 1000, 0.6, 1000) < 1e-20
