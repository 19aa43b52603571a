"""Which rates are tried, one after the other, on a program made by hand: a loss over the rate, with luck in it."""

import math
import random
import time
from types import SimpleNamespace
from typing import Any, cast

from torchladder.core.lr_facts import LrTrialFact
from torchladder.ladder.lr_check import CLOSER, Check
from torchladder.ladder.rate_trials import Choice
from torchladder.ladder.rates import Reading
from torchladder.ladder.subject import Subject

BEST, LUCK = 0.02, 0.008
OWN, FOUND = Reading("the program's own", 3e-5), Reading("a tenth of the minimum", 2e-3)


def expected(lr: float) -> float:
    """The held-out loss at a rate without luck: flat around the best, steep above ten times that."""
    off = math.log10(lr / BEST)
    return min(0.03 + 0.02 * off**2, 2.3) if lr < 10 * BEST else 1.5


class Made(Check):
    """A check whose runs come from the curve above."""

    def _trial(self, lr: float, seconds: float) -> LrTrialFact | None:
        end = expected(lr) + random.Random(f"{lr:.6g}").gauss(0, LUCK)
        losses = tuple(2.3 + (end - 2.3) * min(i / 100, 1) for i in range(150))
        held = tuple((25.0 * k, end + 0.3 / k**2 - 0.3 / 36) for k in range(1, 7))
        return LrTrialFact(0, lr, lr / OWN.lr, losses, held)


def checked(*, closer: bool) -> tuple[Made, Choice]:
    """Check two readings of such a program."""
    subject = cast("Subject", cast("Any", SimpleNamespace(left=100.0, progress=lambda _: None)))
    made = Made(subject, OWN.lr, time.monotonic() + 100, closer=closer)
    return made, made.run([FOUND, OWN])


def test_a_closer_look_fills_the_gaps() -> None:
    """Around the best no gap stays wider than the limit; a quick check makes do with half decades."""
    quick, _ = checked(closer=False)
    close, choice = checked(closer=True)
    assert len(quick.trials) < len(close.trials)
    assert choice.comparison is not None
    tried = sorted(choice.comparison.values)
    i = tried.index(choice.comparison.best)
    assert max(tried[i + 1] / tried[i], tried[i] / tried[i - 1]) <= CLOSER * (1 + 1e-9)


def test_a_rate_is_named_in_a_range_of_equals() -> None:
    """Where many do equally well there is still one to take, far from the cliff."""
    _, choice = checked(closer=True)
    assert choice.named is not None
    assert expected(choice.named) < expected(BEST) + LUCK
    assert choice.comparison is not None
    assert choice.comparison.best == Choice(None, 1e-3, 1e-1, comparison=choice.comparison).named
    assert Choice(None, reason="nothing was learned", comparison=choice.comparison).named is None
