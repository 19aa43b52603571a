"""The state of hand-written logs: the textbook's four first, then what must not be taken for a fault."""

import math

import pytest

from tests.diagnosis.logs import falling, log, noisy, series, turned
from torchladder.core.log_facts import LogFact
from torchladder.rules.outcome.log_course import judge_log


def state(fact: LogFact) -> str:
    return judge_log(fact, draws=0).state


def test_training_to_nothing_while_held_out_doubles() -> None:
    """Exercise (a): train to 0.01, validation 0.4 and then up to 0.8."""
    found = judge_log(log(falling(2.3, 0.01, 3.0), turned(0.4, 0.8)))

    assert (found.state, found.best_x, found.since) == ("overfitting", 7.0, 7.0)
    assert found.confidence > 0.9


def test_both_flat_at_chance() -> None:
    """Exercise (b): 2.30 from step 0, ten classes."""
    assert state(log(noisy([2.3] * 20, 0.001), noisy([2.3] * 20, 0.001, 1))) == "not-learning"
    assert state(log([2.30] * 5, [2.30] * 5)) == "not-learning"


def test_both_fall_together() -> None:
    """Exercise (c): 0.30 and 0.35."""
    assert state(log(falling(2.3, 0.30), falling(2.3, 0.35))) == "healthy"
    assert state(log(falling(1.2, 0.30, 8.0), falling(1.2, 0.35, 8.0))) == "healthy"


@pytest.mark.parametrize("start", [2.3, 2.1, 1.95, 1.87])
def test_both_high_and_still_falling_slowly(start: float) -> None:
    """Exercise (d): both 1.8."""
    line = [start + (1.8 - start) * i / 19 for i in range(20)]

    assert state(log(line, [v + 0.02 for v in line])) == "underfitting"


def test_training_far_below_held_out() -> None:
    """Problem 4: train 0.02, validation 0.6; it never turned up."""
    assert state(log(falling(2.2, 0.02, 3.0), falling(2.2, 0.6, 2.0))) == "overfitting"
    assert state(log([0.9, 0.4, 0.2, 0.08, 0.02], [0.8, 0.62, 0.58, 0.59, 0.6])) == "overfitting"


def test_nan_from_an_epoch_on() -> None:
    """Since then, in the log's own unit."""
    found = judge_log(LogFact("log.csv", "epoch", series("loss", falling(2.3, 0.5, n=12), lost=12.0)))

    assert (found.state, found.since) == ("diverged", 12.0)


@pytest.mark.parametrize(
    "train",
    [
        [*falling(2.0, 0.5, n=8), *(0.5 * 1.4**i for i in range(12))],
        [*falling(2.3, 0.3, n=10), *[2.31] * 10],
    ],
)
def test_a_loss_that_runs_away_or_loses_what_it_had(train: list[float]) -> None:
    """Far above the start; or back at it, for good."""
    assert state(log(train, [v + 0.1 for v in train])) == "diverged"


def test_a_loss_that_swings() -> None:
    """Up and down by half, late too."""
    train = [1.0 + 0.5 * (-1) ** i * (0.6 + 0.02 * i) for i in range(20)]

    assert state(log(train, [v * 1.1 for v in train])) == "oscillating"


def test_a_loss_that_stops_far_from_a_fit() -> None:
    """Nothing moves for three quarters of the run."""
    train = [2.3, 2.1, 1.9, 1.8, *[1.75] * 16]

    assert state(log(noisy(train, 0.002), noisy(train, 0.002, 1))) == "plateau"


def test_a_fall_that_is_cut_off() -> None:
    """Straight down, and then nothing."""
    line = [2.3 - 0.14 * i for i in range(10)]

    assert state(log(line, [v + 0.03 for v in line])) == "still-improving"


def test_held_out_without_error_from_the_first_epochs() -> None:
    """Every sample right, and next to no loss."""
    score = series("val_acc", [0.902, 0.998, *[1.0] * 18], "max")
    fact = log(falling(1.2, 0.001, 1.0), falling(0.2, 0.0005, 0.8), held_score=score)

    assert state(fact) == "too-good"


@pytest.mark.parametrize(
    ("train", "held"),
    [
        (falling(2.3, 0.6), falling(2.0, 0.25)),  # dropout: training above held-out
        ([*[2.3] * 5, *falling(2.3, 0.2, 3.0, 15)], [*[2.3] * 5, *falling(2.3, 0.3, 3.0, 15)]),  # a late start
        ([*falling(2.0, 0.8, n=10), *falling(0.5, 0.3, n=10)], [*falling(2.0, 0.9, n=10), *falling(0.6, 0.4, n=10)]),
        (falling(2.3, 0.1), noisy(falling(2.3, 0.2), 0.15)),  # a small noisy validation set
        (falling(2.3, 0.001), [*falling(2.3, 0.06, 3.0, 10), *[0.06 + 0.004 * i for i in range(10)]]),  # confident
    ],
)
def test_healthy_runs_are_left_alone(train: list[float], held: list[float]) -> None:
    """Each looks like a fault in some way."""
    assert state(log(train, held)) == "healthy"


def test_warm_restarts_are_no_oscillation() -> None:
    """The loss jumps up twice and comes down deeper."""
    train = [*falling(2.3, 0.6, 3.0, 10), *falling(0.9, 0.35, 3.0, 10), *falling(0.55, 0.2, 3.0, 10)]

    assert state(log(train, [v + 0.05 for v in train])) == "healthy"


@pytest.mark.parametrize(
    "fact",
    [
        log([1.0], [1.1]),
        log(falling(2.3, 0.5)),
        LogFact("log.csv", "epoch", None, series("val_loss", falling(2.3, 0.5))),
        LogFact("log.csv", "epoch", None, series("val_loss", turned(0.4, 0.9))),
        LogFact("log.csv", "epoch", series("loss", [], lost=0.0), None),
    ],
    ids=["one row", "training alone", "held-out alone", "a turn without training", "all NaN"],
)
def test_what_curves_cannot_tell_is_not_said(fact: LogFact) -> None:
    """Unknown, with the reason."""
    found = judge_log(fact, draws=0)

    assert found.state == "unknown"
    assert found.words


def test_scores_alone_are_judged(tmp_path) -> None:
    """Training right nearly always, held-out far behind and falling."""
    train = series("train_acc", [0.99 - 0.8 * math.exp(-i / 4) for i in range(20)], "max")
    held = series("val_acc", [0.62 - 0.4 * math.exp(-i / 4) - 0.004 * max(i - 8, 0) for i in range(20)], "max")
    found = judge_log(LogFact("log.csv", "epoch", train_score=train, held_score=held), draws=0)

    assert (found.state, found.best_x) == ("overfitting", 13.0)


def test_a_fine_tuned_detector_is_not_underfitting() -> None:
    """Its losses hardly fall, and nothing held-out can be compared with them; its score rises."""
    train = series("box_loss + cls_loss", falling(3.9, 2.9, 20.0))
    score = series("val_map50-95", [0.46 + 0.18 * (1 - math.exp(-i / 6)) for i in range(20)], "max")

    assert state(LogFact("log.csv", "epoch", train, None, None, score, alike=False)) == "healthy"


def test_percentages_are_shares() -> None:
    """Accuracy of 10 at chance, 95 at the end."""
    score = series("val_acc", [95 - 85 * math.exp(-i / 3) for i in range(20)], "max")

    assert state(log(falling(2.3, 0.1), falling(2.3, 0.2), held_score=score)) == "healthy"
