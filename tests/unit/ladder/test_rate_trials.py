"""Choosing among short runs, on runs made by hand."""

import math
import random

from torchladder.core.lr_facts import LrTrialFact
from torchladder.ladder.rate_trials import (
    HELD_ERROR,
    HELD_LOSS,
    TRAINING,
    Comparison,
    choose,
    compare,
    learned,
    shortfall,
)


def run(
    lr: float, end: float, *, held: float | None = None, right: float | None = None, n: int = 200, **more: object
) -> LrTrialFact:
    """A run whose training loss falls evenly from 2.3 to ``end`` with a little noise."""
    rng = random.Random(f"{lr}")
    losses = tuple(2.3 + (end - 2.3) * min(i / (0.7 * n), 1) + rng.gauss(0, 0.02) for i in range(n))
    marks = [n * k / 4 for k in (1, 2, 3, 4)]
    held_out = tuple((s, held + 0.1 * (n - s) / n) for s in marks) if held is not None else ()
    accuracies = tuple((s, right) for s in marks) if right is not None else ()
    return LrTrialFact(0, lr, lr / 1e-3, losses, held_out, accuracies, rows=400, majority=0.1, **more)


def test_held_out_loss_decides() -> None:
    """Of two runs the one with the lower held-out loss wins, whatever its training loss."""
    choice = choose([run(1e-4, 0.5, held=0.4), run(1e-3, 0.1, held=0.9), run(1e-2, 0.05, held=1.4)])
    assert 1e-4 == choice.lr
    assert choice.comparison is not None
    assert HELD_LOSS == choice.comparison.metric


def test_accuracy_decides_where_no_loss_is_computed() -> None:
    """Without a held-out loss the held-out error is compared."""
    choice = choose([run(1e-3, 0.1, right=0.9), run(1e-2, 0.05, right=0.6)])
    assert 1e-3 == choice.lr
    assert choice.comparison is not None
    assert HELD_ERROR == choice.comparison.metric


def test_training_loss_is_the_last_resort() -> None:
    """A program that does not evaluate is judged by the end of its training loss."""
    found = compare([run(1e-3, 0.1), run(1e-2, 0.5)])
    assert found is not None
    assert TRAINING == found.metric
    assert 1e-3 == found.best


def test_an_early_evaluation_does_not_decide() -> None:
    """An evaluation from the first half of the steps says little about their end."""
    early = LrTrialFact(0, 1e-3, 1, run(1e-3, 0.1).losses, ((20.0, 3.0),))
    found = compare([early, run(1e-2, 0.5, held=1.0)])
    assert found is not None
    assert TRAINING == found.metric


def test_equals_over_a_decade_are_a_range() -> None:
    """Rates from 1e-3 to 1e-2 that do equally well have no best one."""
    choice = choose([
        run(1e-4, 1.5, held=1.5),
        run(1e-3, 0.2, held=0.300),
        run(3e-3, 0.2, held=0.298),
        run(1e-2, 0.2, held=0.301),
    ])
    assert choice.lr is None
    assert choice.reason is None
    assert (1e-3, 1e-2) == (choice.low, choice.high)


def test_divergence_everywhere_is_refused() -> None:
    """No rate is suggested when all runs diverge."""
    broken = LrTrialFact(0, 1e-3, 1, (2.3, math.nan), ended="diverged")
    choice = choose([broken])
    assert choice.lr is None
    assert "diverges" in str(choice.reason)


def test_nothing_learned_is_refused() -> None:
    """Losses that stay where they were, within their noise, support no rate."""
    choice = choose([run(1e-5, 2.3), run(1e-4, 2.3), run(1e-3, 2.3)])
    assert choice.lr is None
    assert "nothing was learned" in str(choice.reason)


def test_a_quick_learner_has_learned() -> None:
    """A loss that falls in the first steps and then stays is learning."""
    rng = random.Random(0)
    losses = tuple((2.3 if i < 2 else 0.2) + rng.gauss(0, 0.05) for i in range(100))
    assert learned(LrTrialFact(0, 1e-3, 1, losses))


def test_a_diverged_run_counts_as_worst() -> None:
    """A run that diverged stands beside the others with no number."""
    broken = LrTrialFact(0, 1e-1, 100, (2.3, 9.0, math.nan, math.nan), ended="diverged")
    found = compare([run(1e-3, 0.1, held=0.3), broken])
    assert found is not None
    assert math.inf == found.values[1e-1]


def test_shortfall_of_the_own_rate() -> None:
    """A rate that learned a fifth as much falls short five times; an equal one does not."""
    found = compare([run(1e-5, 1.9, held=1.9), run(1e-3, 0.3, held=0.3), run(2.1e-3, 0.3, held=0.301)])
    assert found is not None
    less = shortfall(found, 1e-5)
    assert less is not None
    assert 4 < less < 6
    assert 1.0 == shortfall(found, 2.1e-3)
    assert shortfall(found, 7e-7) is None


def test_a_lucky_run_among_worse_ones_is_not_the_best() -> None:
    """Of runs that did equally well the one counts whose neighbours did well, too, the nearest most."""
    values = {1e-3: 0.60, 1.8e-3: 0.340, 3.2e-3: 0.306, 5.6e-3: 0.304, 1e-2: 0.305, 1.8e-2: 0.330, 3.2e-2: 0.302}
    assert 5.6e-3 == Comparison(HELD_LOSS, 200, {**values, 5.6e-2: 1.9}, 0.01, 2.3).best
