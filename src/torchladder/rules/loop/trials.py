"""What a phase's base trial (the same batch for ever) says about its learning rate.

Not a rule: the shape of a loss curve, as several rules of this family and of ``model`` read it.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from torchladder.core.facts import Facts, TrialFact

TAIL = 10
GOOD_RATIO = 1e-3
GROWTH = 1.5
JUMP = 3.0
DOWNWARD = 0.9


def rate_factors(update_ratio: float | None, *, up: bool) -> tuple[float, ...]:
    """Return factors for the learning rate, the most promising first.

    Args:
        update_ratio: Median |update| / |weight| a step; about 1e-3 trains well
            (Karpathy, https://karpathy.github.io/neural-networks-3/#ratio).
        up: Whether the rate is to be raised.
    """
    power = round(math.log10(GOOD_RATIO / update_ratio)) if update_ratio and math.isfinite(update_ratio) else 0
    power = max(power, 2) if up else min(power, -1)
    return tuple(10.0**p for p in (power, power + 1, power - 1) if (p > 0 if up else p < 0))


def base_trial(facts: Facts, phase: int | None) -> TrialFact | None:
    """Return the unchanged trial of ``phase``, None when it was not run."""
    for trial in facts.trials or ():
        if trial.label.startswith("base") and phase in {None, trial.phase}:
            return trial
    return None


def base_failed(facts: Facts, phase: int | None) -> bool:
    """Return whether the unchanged trial was run and could not fit the batch."""
    trial = base_trial(facts, phase)
    return trial is not None and trial.passed is False


def base_passed(facts: Facts, phase: int | None) -> bool:
    """Return whether the unchanged trial was run and fitted the batch."""
    trial = base_trial(facts, phase)
    return trial is not None and trial.passed is True


def last_loss(losses: Sequence[float]) -> float:
    """Return the median of the last tenth of a loss curve, NaN when any of it is not finite."""
    tail = sorted(losses[-max(1, len(losses) // TAIL) :])
    return tail[len(tail) // 2] if all(math.isfinite(value) for value in tail) else math.nan


def diverged(losses: Sequence[float]) -> bool:
    """Return whether a loss became non-finite, ended above its start or leapt far above it.

    Only losses that start above zero are judged: others have no known lower bound.
    """
    if any(not math.isfinite(value) for value in losses):
        return True
    if len(losses) <= 1 or losses[0] <= 0:
        return False
    return last_loss(losses) > GROWTH * losses[0] or max(losses) > JUMP * losses[0]


def falls_smoothly(losses: Sequence[float]) -> bool:
    """Return whether nearly every step of a finite loss curve goes down or stays."""
    if len(losses) <= 1 or any(not math.isfinite(value) for value in losses):
        return False
    down = sum(after <= before for before, after in pairwise(losses))
    return down >= DOWNWARD * (len(losses) - 1) and losses[-1] <= losses[0]
