"""Readings of range-test curves, on curves made by hand."""

import math
import random

import pytest

from torchladder.ladder import rates

LRS = [1e-7 * (1e8) ** (i / 99) for i in range(100)]


def typical(noise: float = 0.0, seed: int = 0) -> list[float]:
    """Flat at 2.3 up to 1e-4, down to 0.3 at 3e-2, up again beyond 0.3."""
    rng = random.Random(seed)
    losses = []
    for lr in LRS:
        down = 2.0 / (1 + (1.5e-3 / lr) ** 1.5)
        up = (lr / 0.3) ** 2
        losses.append(2.3 - down + min(up, 50) + rng.gauss(0, noise))
    return losses


def test_the_lecture_example() -> None:
    """Five points: minimum 0.1, steepest 1e-2, suggestion 1e-2, an order of magnitude below the minimum."""
    curve = rates.read([1e-4, 1e-3, 1e-2, 1e-1, 1.0], [3.2, 2.5, 1.1, 0.9, 2.8])
    assert curve is not None
    assert 0.1 == curve.lrs[curve.bottom]
    assert 1e-2 == rates.steepest(curve).lr
    said = rates.suggestion(curve)
    assert said is not None
    assert 1e-2 == pytest.approx(said.lr)
    assert "a tenth of the minimum" == said.rule


def test_a_typical_curve() -> None:
    """Readings lie where the loss falls (the valley begins with its first fall), the divergence above the minimum."""
    curve = rates.read(LRS, typical())
    assert curve is not None
    assert rates.refusal(curve) is None
    assert all(1e-4 < r.lr < 0.2 for r in rates.readings(curve) if "valley" not in r.rule)
    assert curve.divergence is not None
    assert 0.2 < curve.divergence < 1


def test_smoothing_does_not_move_the_minimum() -> None:
    """The smoothed minimum of a symmetric dip is the dip."""
    losses = [1.0 - math.exp(-(((i - 60) / 6) ** 2)) for i in range(100)]
    curve = rates.read(LRS, losses)
    assert curve is not None
    assert 60 == curve.bottom


def test_bias_correction() -> None:
    """The average of a constant is that constant from the first point on."""
    assert [2.0] * 5 == pytest.approx(rates.smooth([2.0] * 5, 0.9))


def test_a_flat_curve_is_refused() -> None:
    """A loss that falls nowhere names no rate."""
    curve = rates.read(LRS, [2.3] * 100)
    assert "flat" in str(rates.refusal(curve))
    assert rates.suggestion(curve) is None


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_refused(seed: int) -> None:
    """Batches that differ and a loss that does not fall name no rate."""
    rng = random.Random(seed)
    curve = rates.read(LRS, [2.3 + rng.gauss(0, 0.3) for _ in LRS])
    assert rates.refusal(curve) is not None


@pytest.mark.parametrize("seed", range(20))
def test_moderate_noise_is_read(seed: int) -> None:
    """A fall far above the noise is seen through it, within half a decade."""
    curve = rates.read(LRS, typical(0.15, seed))
    said = rates.suggestion(curve)
    assert said is not None
    assert 5e-4 < said.lr < 1e-2


def test_a_tail_of_nan_is_divergence() -> None:
    """Losses that are no numbers at the end mark where the run broke."""
    losses = [v if i < 80 else math.nan for i, v in enumerate(typical())]
    curve = rates.read(LRS, losses)
    assert curve is not None
    assert LRS[80] == curve.divergence
    assert all(map(math.isfinite, curve.smoothed))
    assert rates.suggestion(curve) is not None


def test_one_nan_amid_the_curve_is_left_out() -> None:
    """A single overflow does not end the curve."""
    losses = typical()
    losses[40] = math.inf
    curve = rates.read(LRS, losses)
    assert curve is not None
    assert 99 == len(curve.lrs)
    assert rates.refusal(curve) is None


def test_too_few_points() -> None:
    """Three finite losses are no curve."""
    assert rates.read([1e-3, 1e-2, 1e-1], [2.0, 1.0, 0.5]) is None
    assert "fewer than" in str(rates.refusal(None))


def test_a_stopped_sweep_diverged_where_it_ended() -> None:
    """A sweep that was stopped for divergence has one, even when its last loss was still a number."""
    losses = typical()[:70]
    curve = rates.read(LRS[:70], losses, diverged=True)
    assert curve is not None
    assert LRS[69] == curve.divergence


def test_losses_below_zero() -> None:
    """A log likelihood may be negative; its divergence is still above its start."""
    curve = rates.read(LRS, [v - 5 for v in typical()])
    assert curve is not None
    assert curve.divergence is not None
    assert rates.suggestion(curve) is not None
    assert rates.ceiling(-5.0, -8.0) > -5.0


def test_candidates_are_apart_and_hold_the_own_rate() -> None:
    """Two to four rates, more than a factor of two apart, the program's own among them."""
    curve = rates.read(LRS, typical())
    for own in (1e-6, 1e-3, 3e-3, 5.0):
        wanted = rates.candidates(curve, own)
        assert 2 <= len(wanted) <= rates.CANDIDATES
        assert all(rates.apart(a.lr, b.lr) for a in wanted for b in wanted if a is not b)
        assert any(not rates.apart(own, c.lr) for c in wanted)


def test_candidates_without_a_curve() -> None:
    """A refused curve leaves the neighbourhood of the program's own rate."""
    assert {1e-3, 1e-3 * rates.STEP, 1e-3 / rates.STEP} == {c.lr for c in rates.candidates(None, 1e-3)}


def test_scaling_for_the_batch_size() -> None:
    """Four times the batch: four times the rate for SGD, twice for Adam."""
    assert 0.4 == pytest.approx(rates.scaled_for_batch(0.1, 64, 256, adaptive=False))
    assert 0.002 == pytest.approx(rates.scaled_for_batch(0.001, 64, 256, adaptive=True))
