"""The relation of predictions to labels: moved answers are found, overfitting is not taken for them."""

import numpy as np
import pytest

from torchladder.data.relation import Relation, binned, of_classes, of_values

RNG = np.random.default_rng(0)
LOST, CHANCE = 0.15, 1e-6  # as the rule has them


def alarms(r: Relation) -> bool:
    """Tell whether the rule would speak."""
    return r.gain >= LOST and r.p < CHANCE


def some(n: int, shares: list[float]) -> np.ndarray:
    return RNG.choice(len(shares), n, p=shares)


def right_in(y: np.ndarray, share: float, k: int) -> np.ndarray:
    return np.where(RNG.random(len(y)) < share, y, RNG.integers(0, k, len(y)))


def test_classes_that_changed_places() -> None:
    """Training's answers are wrong on the held-out side, those learned there are right."""
    y, z = some(600, [0.3, 0.3, 0.4]), some(300, [0.3, 0.3, 0.4])
    found = of_classes((right_in(y, 0.95, 3), y), (right_in(z, 0.95, 3), (z + 1) % 3), np.arange(3), 3)

    assert alarms(found)
    assert found.held < 0.1
    assert found.anew > 0.8
    assert {m[:3] for m in found.moved} == {(0, 0, 1), (1, 1, 2), (2, 2, 0)}


def test_a_cut_that_moved_is_seen_in_probabilities() -> None:
    """What was positive from 0.5 on is so from 0.8 on."""
    p, q = RNG.random(800), RNG.random(400)
    (f, g), meant = binned((p, q))
    found = of_classes((f, (p > 0.5).astype(int)), (g, (q > 0.8).astype(int)), meant, 2)

    assert alarms(found)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.1] * 10])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_an_overfitted_classifier_is_no_shift(shares: list[float], share: float) -> None:
    """Always right in training, often or always guessing elsewhere."""
    k = len(shares)
    y, z = some(900, shares), some(500, shares)

    assert not alarms(of_classes((y, y), (right_in(z, share, k), z), np.arange(k), k))


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_probabilities_of_an_overfitted_model_are_no_shift(share: float) -> None:
    """Sure of itself in training, where it knows the answers, and in doubt elsewhere."""
    y, z = (RNG.random(900) < share).astype(int), (RNG.random(500) < share).astype(int)
    p = np.where(y == 1, 0.99, 0.01) + 0.005 * RNG.random(900)
    q = np.clip(0.5 + 0.15 * (2 * z - 1) + 0.2 * RNG.normal(size=500), 0, 1)
    (f, g), meant = binned((p, q))

    assert not alarms(of_classes((f, y), (g, z), meant, 2))


def test_values_on_another_scale() -> None:
    """Held-out labels are in another unit, or shifted."""
    y, z = RNG.normal(size=600), RNG.normal(size=300)
    for other in (3 * z + 2, z + 2, -z):
        found = of_values((y + 0.1 * RNG.normal(size=600), y), (z + 0.1 * RNG.normal(size=300), other))
        assert alarms(found)


@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0])
def test_an_overfitted_regression_is_no_shift(noise: float) -> None:
    """Its predictions are too far from their mean: to shrink them is no other relation."""
    y, z = RNG.normal(size=600), RNG.normal(size=300)

    assert not alarms(of_values((y, y), (z + noise * RNG.normal(size=300), z)))
