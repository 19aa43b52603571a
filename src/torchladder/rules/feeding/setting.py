"""What trials of settings say: which one is to be changed first, and how to say it."""

import statistics
from typing import Any

from torchladder.core.feeding_facts import FeedingFact, TrialOfSetting

GAIN = 1.1  # times as fast: less is within what a busy machine does by itself
LARGE = 1.5  # times as fast that a single round is enough for
AGREED = 2 / 3  # share of the rounds in which a setting does better than the present one
SIMPLER = 1.2  # a setting that changes more must be so many times as fast as one that changes less
BATCHED = "batched"  # a setting that is none of DataLoader's: the data set is indexed by whole batches


def setting(options: dict[str, Any]) -> str:
    """Return a setting in a few words."""
    if not options:
        return "as it is"
    return ", ".join("whole batches" if k == BATCHED else f"{k}={v}" for k, v in options.items())


def advice(options: dict[str, Any]) -> str:
    """Return what to change, with the code in backticks."""
    if BATCHED in options:
        return "index the data set by whole batches: `sampler=BatchSampler(...)` with `batch_size=None`"
    return f"`{setting(options)}`"


def present(f: FeedingFact) -> TrialOfSetting | None:
    """Return the trial of the present settings."""
    return next((t for t in f.tried if not t.options and t.seconds), None)


def ratios(f: FeedingFact, trial: TrialOfSetting) -> list[float]:
    """Return how many times as fast as the present setting it was, round by round: a busy moment meets both."""
    base = present(f)
    if base is None:
        return []
    own = dict(zip(base.numbers or range(len(base.rounds)), base.rounds, strict=False))
    mine = zip(trial.numbers or range(len(trial.rounds)), trial.rounds, strict=False)
    return [own[n] / seconds for n, seconds in mine if n in own and seconds > 0]


def gain(f: FeedingFact, trial: TrialOfSetting) -> float:
    """Return how many times as fast a setting is as the present one: the median of the rounds."""
    found = ratios(f, trial)
    return statistics.median(found) if found else 0.0


def helps(f: FeedingFact, trial: TrialOfSetting) -> bool:
    """Tell whether a setting does better, and did so in most rounds."""
    found = ratios(f, trial)
    if trial.seconds is None or gain(f, trial) < GAIN:
        return False
    if len(found) < 2 and gain(f, trial) < LARGE:  # noqa: PLR2004 - one round may have met a busy moment
        return False
    return sum(r > 1 for r in found) >= AGREED * len(found)


def best_of(f: FeedingFact) -> TrialOfSetting | None:
    """Return the setting to change first: the fastest, or a simpler one that is about as fast. None: none helps."""
    better = [t for t in f.tried if t.options and helps(f, t)]
    if not better:
        return None
    fastest = max(gain(f, t) for t in better)
    near = [t for t in better if SIMPLER * gain(f, t) >= fastest]
    return max(near, key=lambda t: (-len(t.options), gain(f, t)))
