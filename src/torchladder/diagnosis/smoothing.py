"""The tell-tale of a smoothed training loss: neighbouring differences of a running mean go the same way."""

import statistics
from itertools import pairwise

from torchladder.core.log_facts import LogFact, SeriesFact

POINTS_MIN = 60
SAME_WAY = 0.45  # correlation of neighbouring differences; independent noise has -0.5, a running mean about 0 and more
QUIET = 0.003  # of the values: a curve without noise tells nothing
TREND = 5  # values on each side whose mean is taken out, so that only the noise is looked at


def smoothed(log: LogFact) -> tuple[str, ...]:
    """Return a note about a training loss that is a running mean: it lags behind, and hides spikes."""
    series = log.train
    if series is None or series.n != len(series.values) or len(series.values) < POINTS_MIN:
        return ()
    together = correlation(series)
    if together is None or together < SAME_WAY:
        return ()
    return (
        f"{series.name} looks like a running mean (neighbouring changes correlate by {together:.2f}): it lags behind",
    )


def correlation(series: SeriesFact) -> float | None:
    """Return how neighbouring changes correlate, the slow trend taken out; None where next to nothing does."""
    v = series.values
    steps = [b - a for a, b in pairwise(v)]
    around = [statistics.fmean(steps[max(i - TREND, 0) : i + TREND + 1]) for i in range(len(steps))]
    rest = [s - m for s, m in zip(steps, around, strict=True)]
    if statistics.pstdev(rest) < QUIET * statistics.fmean(map(abs, v)):
        return None
    return statistics.correlation(rest[:-1], rest[1:])
