"""Figures agree with slow and obvious ones: calibration, temperature, thresholds, intervals, corrections, draws."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.mistakes.made import drawn, predictions
from torchladder.mistakes.bucket import at_least, holm, wilson
from torchladder.mistakes.calibration import bins_of, calibrate, expected_error, noisy_temperature, temperature_of
from torchladder.mistakes.figures import confusions, figures
from torchladder.mistakes.picture_traits import NAMES, grey_of, traits_of
from torchladder.mistakes.regions import region
from torchladder.mistakes.sample import draw, shares
from torchladder.mistakes.scores import logs, softmax
from torchladder.mistakes.threshold import best_accuracy, best_f1, offsets


def test_wilson_is_that_of_scipy():
    """The interval agrees with SciPy's."""
    for hits, n in ((0, 7), (3, 10), (50, 60), (9, 9)):
        known = binomtest(hits, n).proportion_ci(0.95, method="wilson")

        assert wilson(hits, n) == pytest.approx((known.low, known.high), abs=1e-9)


def test_at_least_is_the_binomial_tail():
    """The tail agrees with the exact test's."""
    for count, n, share in ((3, 10, 0.2), (1, 5, 0.01), (5, 5, 0.5)):
        assert at_least(count, n, share) == pytest.approx(binomtest(count, n, share, alternative="greater").pvalue)


def test_holm():
    """The worked example: sorted p-values times how many are left, never falling."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_calibration_error_by_hand():
    """Two bins of equal mass, their distances averaged."""
    confidence = np.array([0.6] * 10 + [0.9] * 10)
    right = np.array([1.0] * 5 + [0.0] * 5 + [1.0] * 10)

    assert expected_error(bins_of(confidence, right)) == pytest.approx((0.1 + 0.1) / 2)


@pytest.mark.parametrize("heat", [0.5, 2.0])
def test_the_temperature_that_was_put_in_is_found(heat):
    """Calibrated logits divided by a number are given back their temperature, and the gain is held out."""
    logits, y = drawn(n=4000)
    p = softmax(logits / heat)
    halves = np.arange(len(y)) % 2
    guess = p.argmax(axis=1)
    found = calibrate(p, p.max(axis=1), y, guess, halves)

    assert found.temperature == pytest.approx(1 / heat, rel=0.08)
    assert found.before is not None
    assert found.after is not None
    assert found.ece_after is not None
    assert found.after < found.before
    assert found.ece_after < 0.5 * found.ece


def test_wrong_labels_do_not_pass_for_heat():
    """With a tenth of the labels wrong, share and temperature are told apart."""
    logits, y = drawn(n=6000, k=5)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.1, rng.integers(0, 5, len(y)), y)
    temperature, share = noisy_temperature(softmax(logits), noisy)

    assert temperature == pytest.approx(1.0, rel=0.1)
    assert share == pytest.approx(0.1, abs=0.02)
    assert temperature_of(logs(softmax(logits)), noisy) > 1.2


def test_thresholds_are_the_best_of_all():
    """Accuracy and F1 at the threshold are those of trying every one."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        score = np.round(rng.random(30), 1)  # with ties
        y = rng.random(30) < score
        tried = np.linspace(-0.05, 1.05, 300)
        right = max(((score > t) == y).mean() for t in tried)
        f1 = max(2 * ((score > t) & y).sum() / max((score > t).sum() + y.sum(), 1) for t in tried)
        by_f1 = score > best_f1(score, y)

        assert ((score > best_accuracy(score, y)) == y).mean() == pytest.approx(right)
        assert 2 * (by_f1 & y).sum() / max(by_f1.sum() + y.sum(), 1) == pytest.approx(f1)


def test_offsets_undo_what_was_added():
    """A constant added to one class's logit is found with the opposite sign."""
    logits, y = drawn(n=5000, k=3)
    found = offsets(logits + np.array([2.0, 0.0, 0.0]), y)

    assert found == pytest.approx([-4 / 3, 2 / 3, 2 / 3], abs=0.25)


def test_one_stratum_is_the_hypergeometric_test():
    """Without classes to compare within, expected is the share outside."""
    members = np.arange(100) < 20
    wrong = (np.arange(100) < 10) | (np.arange(100) >= 92)
    found = region("group", "g", members, wrong, None)

    assert found.count == 10
    assert found.expected == pytest.approx(20 * 0.1, abs=0.05)
    assert found.p < 1e-3


def test_figures_by_hand(tmp_path):
    """Accuracy, recall and the most confused pair of six predictions."""
    p = predictions(np.eye(3)[[0, 0, 1, 0, 2, 2]] * 9, np.array([0, 0, 1, 1, 2, 0]), tmp_path)
    f = figures(p)

    assert f["accuracy"] == pytest.approx(4 / 6)
    assert f["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert [c["support"] for c in f["classes"]] == [3, 2, 1]
    assert {tuple(c["pair"]) for c in confusions(p)} == {("1", "0"), ("0", "2")}


def test_a_sample_is_in_proportion_and_repeatable():
    """Each stratum has its share to within one; the seed decides the rest."""
    wrong = np.ones(200, dtype=bool)
    pairs = np.repeat([0, 1, 2], [120, 60, 20])
    first, again, other = (draw(wrong, pairs, (), 50, np.random.default_rng(s)) for s in (1, 1, 2))

    assert np.bincount(pairs[list(first)]).tolist() == [30, 15, 5]
    assert first == again != other
    assert len(set(first)) == 50


def test_shares_add_up():
    """For any counts and sizes."""
    for counts, size in itertools.product(([1, 1, 1], [100, 1, 1], [7, 3, 90]), (1, 2, 3)):
        assert shares(np.array(counts), size).sum() == size


def test_traits_tell_blur_from_paleness():
    """Half the contrast leaves sharpness as it is, a blur takes it away; a large picture is made smaller first."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 40, 1)).astype(np.uint8)
    pale = (picture // 2).astype(np.uint8)
    soft = np.kron(picture[::8, ::8], np.ones((8, 8, 1))).astype(np.uint8)
    sharp = NAMES.index("sharpness")

    assert traits_of(pale)[sharp] == pytest.approx(traits_of(picture)[sharp], rel=0.05)
    assert traits_of(soft)[sharp] < 0.5 * traits_of(picture)[sharp]
    assert grey_of(np.zeros((2000, 3000, 3), dtype=np.uint8)).shape == (333, 500)
    assert np.isfinite(traits_of(np.zeros((1, 1, 1), dtype=np.uint8))[1:]).all()
