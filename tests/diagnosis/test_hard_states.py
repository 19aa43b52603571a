"""States that need more than a level: what a score says of guessing, where the start was, gaps, late swings."""

import pytest

from tests.diagnosis.logs import falling, log, noisy, series, turned
from torchladder.core.log_facts import LogFact
from torchladder.diagnosis.outlook import outlook
from torchladder.rules.outcome.levers import levers
from torchladder.rules.outcome.log_course import judge_log
from torchladder.rules.outcome.log_limits import LogLimits
from torchladder.rules.outcome.log_look import looked
from torchladder.rules.outcome.log_shape import begun, lift_of


def state(fact: LogFact) -> str:
    return judge_log(fact, draws=0).state


def scored(train: list[float], held: list[float], scores: list[float]) -> LogFact:
    return log(train, held, held_score=series("val_acc", scores, "max"))


def start(fact: LogFact) -> float:
    return looked(fact, LogLimits()).start


def test_a_score_below_0_is_an_r2_whose_0_is_guessing_the_mean() -> None:
    """Losses that fell from an explosion to the variance of the answers are nothing learned."""
    train, held = [58.0, 10.3, 1.2, *noisy([1.0] * 9, 0.01)], [31.0, 1.4, 1.1, *noisy([1.05] * 9, 0.01, 1)]
    scores = [-28.0, -0.27, -0.03, *[0.01] * 9]

    assert state(scored(train, held, scores)) == "not-learning"


def test_an_r2_of_0_beside_a_training_loss_near_0_is_no_guessing() -> None:
    """Memory, which is another fault."""
    fact = scored(falling(1.5, 0.05), [1.2, *noisy([1.08] * 19, 0.01)], [-0.2, *[0.01] * 19])

    assert state(fact) == "overfitting"


def test_one_answer_for_all_at_the_end_is_guessing() -> None:
    """A share right that stays the same to the last digit and is no better than the first, where most are wrong."""
    losses = [3.5, 3.0, 2.95, *noisy([3.15] * 9, 0.004)]
    held = [3.1, 2.97, 2.96, *noisy([3.17] * 9, 0.004, 1)]

    assert state(scored(losses, held, [0.2375, 0.2375, 0.24, 0.23, *[0.2375] * 8])) == "not-learning"


def test_a_high_share_right_that_stays_is_no_guessing() -> None:
    """A small held-out set of an easy task shows the same share for long."""
    fact = scored(falling(1.1, 0.1), falling(1.0, 0.15), [0.5, 0.8, *[0.967] * 18])

    assert state(fact) == "healthy"


def test_the_first_mean_lies_below_the_start() -> None:
    """Half of what the held-out loss after the first epoch is lower still is added."""
    fast = log([1.4, *falling(0.9, 0.3, n=11)], [1.0, *falling(0.85, 0.35, n=11)])

    assert start(fast) == pytest.approx(1.6)


def test_a_distance_that_both_keep_is_not_added() -> None:
    """Dropout makes the training loss larger to the end: that tells nothing about the start."""
    train, held = falling(2.0, 0.8), falling(1.7, 0.5)

    assert start(log(train, held)) == pytest.approx(2.0)


def test_a_fall_between_the_first_two_values_only() -> None:
    """A tenth of the start is what the frequencies of the answers give; a third may be all that was missing."""
    little = [2.0, *noisy([1.75] * 15, 0.003)]
    much = [2.0, *noisy([1.38] * 15, 0.003)]

    assert state(log(little, [v + 0.01 for v in little])) == "not-learning"
    assert state(log(much, [v + 0.01 for v in much])) not in {"plateau", "not-learning"}


def test_shares_right_that_are_far_apart() -> None:
    """Scores alone: 95 % on training, 85 % on held-out data, standing; with 95 and 92 % nothing is wrong."""

    def scores(end: float) -> LogFact:
        train, held = [0.6, 0.8, 0.9, *[0.95] * 12], [0.6, 0.78, end, *noisy([end] * 12, 0.004)]
        both = series("train_acc", train, "max"), series("val_acc", held, "max")
        return LogFact("log.csv", "epoch", None, None, *both, alike=True)

    assert state(scores(0.85)) == "overfitting"
    assert state(scores(0.92)) == "healthy"


def test_held_out_losses_that_swing_late() -> None:
    """By a third of their mean, turning at every other step, while the training loss settles."""
    swings = [0.5 * (1.45 if i % 2 else 0.6) for i in range(20)]

    assert state(log(falling(2.3, 0.35), [*falling(2.2, 0.5, n=10), *swings[:10]])) == "oscillating"
    assert state(log(falling(2.3, 0.35), [*falling(2.2, 0.5, n=10), *noisy([0.5] * 10, 0.08)])) == "healthy"


def test_a_straight_fall_is_continued_straight() -> None:
    """A rate far too low gives a line: half as far again, the line itself lies in the interval."""
    line = [2.3 - 0.02 * i for i in range(20)]
    ahead = outlook(series("val_loss", noisy(line, 0.0005)))

    assert ahead is not None
    assert ahead.low < 2.3 - 0.02 * 28.5 < ahead.high
    assert ahead.gains


def test_an_interval_is_never_narrower_than_a_fifth_of_the_foreseen_change() -> None:
    """However smooth the curve."""
    ahead = outlook(series("val_loss", falling(2.3, 0.9, 12.0)))

    assert ahead is not None
    assert ahead.high - ahead.middle >= 0.2 * (ahead.now - ahead.middle) * 0.999


def test_a_held_out_column_without_a_number() -> None:
    """The training loss became NaN, the held-out one never was a number: diverged, with levers."""
    fact = LogFact(
        "log.csv", "epoch", series("loss", falling(2.3, 0.5, n=12), lost=12.0), series("val_loss", (), lost=0.0)
    )
    found = judge_log(fact, draws=0)

    assert found.state == "diverged"
    assert levers(found, fact)


def test_a_single_spike_is_no_swing() -> None:
    """Neither in the training loss nor in the held-out one; many of them are."""
    train, held = falling(2.3, 0.3), falling(2.3, 0.35)
    spiked = [v + 2.0 * (i == 16) for i, v in enumerate(train)], [v + 2.0 * (i == 16) for i, v in enumerate(held)]

    assert state(log(train, spiked[1])) == "healthy"
    assert state(log(*spiked)) == "healthy"
    assert state(log(train, [v + 0.6 * (i > 9 and i % 2) for i, v in enumerate(held)])) == "oscillating"


def test_losses_below_0_are_judged_by_how_far_they_fell() -> None:
    """Minus a Dice, a log-likelihood of densities: the same curves lower down are in the same state."""

    def lower(fact: LogFact, by: float) -> LogFact:
        moved = [[v - by for v in s.values] for s in (fact.train, fact.held) if s is not None]
        return log(*moved)

    healthy = log(falling(2.3, 0.30), falling(2.3, 0.35))
    turned_up = log(falling(2.3, 0.05, 3.0), turned(0.5, 1.2))
    found = judge_log(lower(turned_up, 1.5), draws=0)

    assert state(lower(healthy, 1.5)) == "healthy"
    assert state(lower(healthy, 5.0)) == "healthy"
    assert (found.state, found.best_x) == ("overfitting", 7.0)
    assert "was -1 at epoch 7 and is -0.3" in found.words


def test_a_loss_that_ends_at_0_but_for_rounding_is_not_lifted() -> None:
    """A millionth below it is no likelihood."""
    assert lift_of(series("loss", [*falling(2.3, 0.001), -1e-6])) == 0.0
    assert lift_of(series("loss", falling(2.3, 0.1))) == 0.0


def test_a_loss_that_exploded_twice_before_it_came_down_to_guessing() -> None:
    """The level after the explosion is the start; what stays there has learned nothing."""
    blasted = [900.0, 4e4, *noisy([2.5] * 18, 0.02)]
    held = [400.0, 900.0, *noisy([2.5] * 18, 0.02, 1)]

    assert state(log(blasted, held)) == "not-learning"
    assert begun(blasted) == blasted[2]
    assert begun([900.0, 4e4, *falling(2.5, 0.2, n=18)]) == 900.0  # it went on falling: where guessing stood is open


def test_a_share_right_bounds_what_a_guess_costs() -> None:
    """Half of the answers right at the worst: 8.6 at the start was an explosion, and 0.75 beside 0.17 is a gap."""
    train, held = [8.6, 3.5, 1.3, *falling(0.9, 0.17, n=17)], [4.2, 1.1, 0.72, *noisy([0.75] * 17, 0.02)]
    rights = [0.55, 0.7, 0.75, *[0.8] * 17]

    assert start(scored(train, held, rights)) == pytest.approx(1.29, abs=0.01)
    assert state(scored(train, held, rights)) == "overfitting"


def test_a_loss_that_ends_where_it_began_does_not_improve() -> None:
    """It came down and went back: whatever it is called, not underfitting."""
    dip = [0.70, *falling(0.69, 0.55, n=6), *noisy([0.697] * 13, 0.002)]

    assert state(log(dip, [v + 0.003 for v in dip])) != "underfitting"
