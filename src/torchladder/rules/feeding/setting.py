"""What trials of settings say: which one is to be changed first, and how to say it."""

from typing import Any

from torchladder.core.feeding_facts import FeedingFact, TrialOfSetting

GAIN = 1.1  # times as fast: less is within what a busy machine does by itself
LARGE = 1.5  # times as fast that a single round is enough for
AGREED = 2 / 3  # share of the rounds in which a setting does better than the present one
SIMPLER = 1.05  # a setting that changes more must be so many times as fast as one that changes less
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


def gain(f: FeedingFact, trial: TrialOfSetting) -> float:
    """Return how many times as fast a setting is as the present one."""
    base = present(f)
    return base.seconds / trial.seconds if base and base.seconds and trial.seconds else 0.0


def helps(f: FeedingFact, trial: TrialOfSetting) -> bool:
    """Tell whether a setting does better, and did so in most rounds."""
    base = present(f)
    if base is None or trial.seconds is None or gain(f, trial) < GAIN:
        return False
    pairs = list(zip(base.rounds, trial.rounds, strict=False))
    if len(pairs) < 2 and gain(f, trial) < LARGE:  # noqa: PLR2004 - one round may have met a busy moment
        return False
    return bool(pairs) and sum(a > b for a, b in pairs) >= AGREED * len(pairs)


def best_of(f: FeedingFact) -> TrialOfSetting | None:
    """Return the setting to change first: the fastest, or a simpler one that is about as fast. None: none helps."""
    better = [t for t in f.tried if t.options and helps(f, t)]
    if not better:
        return None
    fastest = min(t.seconds or 0.0 for t in better)
    near = [t for t in better if (t.seconds or 0.0) <= SIMPLER * fastest]
    return min(near, key=lambda t: (len(t.options), t.seconds))
