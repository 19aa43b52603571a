"""The figures that the course of a log is judged by: windows, noise, where a curve turned or stopped."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.log_facts import LogFact, SeriesFact

WINDOWS = 20
LATE = 0.4  # the last two fifths
END = 0.1  # share of the values that stand for where a run ended
SHARES = 100.0  # scores up to it are percentages when one of them is above FULL
FULL = 1.5
LEAP, BLAST, SLOW = 3.0, 20.0, 1.6
ROUNDED = 0.01  # of its span: a loss no further below 0 ends there, but for rounding
BENEATH, MERE = 0.25, 12.0  # of a span: that share of it; so many standard deviations of single values
SAME, HALF = 1e-9, 0.5  # of scores: alike, most are wrong
CLASSES_MAX = 30  # so many classes are told apart by their logarithms


@dataclass(frozen=True, slots=True)
class Shape:
    """A curve for which lower is better.

    Attributes:
        xs, values: All points.
        means: Of up to twenty equal parts.
        noise: Standard deviation of single points around their neighbours.
        start, end: Means of the first part and of the last tenth.
        score: Whether it stands for a score, as what that lacks to ``top``, in shares of ``whole``.
        lifted: What was added to a loss that goes below 0.
    """

    name: str
    xs: tuple[float, ...]
    values: tuple[float, ...]
    means: tuple[float, ...]
    noise: float
    start: float
    end: float
    score: bool
    top: float = 0.0
    whole: float = 1.0
    lifted: float = 0.0

    def say(self, value: float) -> str:
        """Return a value as the log has it, in words."""
        return f"{self.top - self.whole * value if self.score else value - self.lifted:.3g}"

    @property
    def low(self) -> float:
        """Return the lowest mean."""
        return min(self.means)

    @property
    def late(self) -> tuple[float, ...]:
        """Return the means of the last two fifths."""
        return self.means[-max(round(len(self.means) * LATE), 2) :]

    def smooth(self) -> list[float]:
        """Return the points, each the median of itself and its neighbours where there are enough."""
        v = self.values
        if len(v) < 6:  # noqa: PLR2004 - a median of three would eat the turn of a short curve
            return list(v)
        return [v[0], *(statistics.median(v[i - 1 : i + 2]) for i in range(1, len(v) - 1)), statistics.fmean(v[-2:])]


def lift_of(*losses: SeriesFact | None) -> float:
    """Return what is added to losses that go below 0 (a likelihood, minus a Dice): nobody knows where they end.

    A quarter of all that they fell is taken to be left beneath the lowest; where that is mere noise, their own size.
    """
    kept = [s.values for s in losses if s is not None and s.direction == "min" and s.values]
    values = [v for one in kept for v in one]
    low = min(values, default=0.0)
    span = statistics.quantiles(values, n=20)[-1] - low if len(values) > 1 else 0.0
    if low >= -ROUNDED * span:
        return 0.0
    return BENEATH * span - low if span > MERE * max(map(noise_of, kept)) else -2 * low


def shape_of(series: SeriesFact | None, lifted: float = 0.0) -> Shape | None:
    """Return the shape of a curve, None without points."""
    if series is None or not series.values:
        return None
    score = series.direction == "max"
    lifted = 0.0 if score else lifted
    values = tuple(v + lifted for v in series.values) if lifted else series.values
    top = whole = 1.0
    if score:
        whole = SHARES if max(values) > FULL else 1.0
        top = max(whole, *values)
        values = tuple((top - v) / whole for v in values)
    means = tuple(means_of(values))
    tail = max(round(len(values) * END), 1)
    end = statistics.fmean(values[-tail:])
    return Shape(series.name, series.xs, values, means, noise_of(values), begun(means), end, score, top, whole, lifted)


def begun(means: Sequence[float]) -> float:
    """Return the level at the start: the first mean, or the one after a leap away from all others.

    A network drawn too wide, or targets far from 0, cost a multiple in the first epoch of what they ever do again;
    a rate that is far too high, a large multiple in the first two or three.
    """
    for k, leap in ((1, LEAP), (2, BLAST), (3, BLAST)):
        rest = means[k + 1 :]
        if len(rest) > 1 and min(means[:k]) > leap * means[k] > 0 and means[k] < SLOW * statistics.median(rest):
            if k > 1 and min(rest) < means[k] / SLOW:
                continue  # it went on falling
            return means[k]
    return means[0]


def means_of(values: Sequence[float]) -> list[float]:
    """Return the means of up to ``WINDOWS`` parts, equal but for one value."""
    n = min(WINDOWS, len(values))
    cuts = [len(values) * i // n for i in range(n + 1)]
    return [statistics.fmean(values[a:b]) for a, b in pairwise(cuts)]


def noise_of(values: Sequence[float]) -> float:
    """Return the standard deviation of single values around the line between their neighbours.

    The second difference of independent values has six times their variance; the median is not moved by a jump.
    """
    if len(values) < 5:  # noqa: PLR2004 - nothing to take a median of
        return 0.0
    second = [abs(values[i - 1] - 2 * values[i] + values[i + 1]) for i in range(1, len(values) - 1)]
    return statistics.median(second) / (0.6745 * math.sqrt(6))


def grain(score: Shape) -> float:
    """Return the least difference between two values: of a share of n samples it is a multiple of 1/n."""
    known = sorted({round(v, 4) for v in score.values})
    return min((b - a for a, b in pairwise(known)), default=0.0)


def swing(means: Sequence[float]) -> tuple[float, float]:
    """Return the spread of the late means over their mean, and the share of steps at which they turn.

    The highest is left out: a single spike is no swing.
    """
    if len(means) < 5:  # noqa: PLR2004 - no turns to count
        return 0.0, 0.0
    top = max(range(len(means)), key=lambda i: means[i])
    means = [m for i, m in enumerate(means) if i != top]
    steps = [b - a for a, b in pairwise(means)]
    turns = sum(a * b < 0 for a, b in pairwise(steps)) / (len(steps) - 1)
    trend = [means[0] + (means[-1] - means[0]) * i / (len(means) - 1) for i in range(len(means))]
    spread = statistics.pstdev([m - t for m, t in zip(means, trend, strict=True)])
    return spread / max(abs(statistics.fmean(means)), 1e-12), turns


def at_chance(log: LogFact, train: Shape | None, held: Shape | None, score: Shape | None, off: float) -> bool:
    """Tell whether losses and scores end where answers that ignore the input do.

    Known from figures alone: a score that is the same at every evaluation, or late and no better than the first; an
    R2 of 0 (a share right is never below 0, an R2 may be); a loss of ln K that never was far from it, or with a share
    of 1/K right.
    """
    ends = [s.end for s in (train, held) if s is not None and not s.score and not s.lifted]
    if score is not None and log.held_score is not None:
        right = 1 - score.end
        if _constant(score) and right < 0.99:  # noqa: PLR2004
            return True
        named = "r2" in log.held_score.name.lower().replace("_", "")
        if (named or max(score.values) > 1) and abs(right) < off and not _apart(train, held):
            return True
        classes = round(1 / right) if right > 1 / CLASSES_MAX else 0
        if classes > 1 and ends and abs(right * classes - 1) < 0.3:  # noqa: PLR2004 - a share of few samples
            chance = math.log(classes)
            return any(abs(e - chance) < off * chance for e in ends)
        return False
    if train is None or train.score or not ends:
        return False
    classes = round(math.exp(min(train.end, 5.0)))
    if not 1 < classes <= CLASSES_MAX:
        return False
    chance = math.log(classes)
    near = all(abs(e - chance) < off * chance for e in ends)
    return near and train.start < (1 + 5 * off) * chance and train.low > (1 - off) * chance


def _apart(train: Shape | None, held: Shape | None) -> bool:
    """Tell whether training data is fitted and held-out data is not: that is no guessing."""
    return train is not None and held is not None and train.score == held.score and train.end < HALF * held.end


def _constant(score: Shape) -> bool:
    """Tell whether a score is the same at every evaluation, or at all late ones, mostly wrong and no better than first.

    So scores a model that gives one answer for all.
    """
    v = score.values
    late = v[-max(round(LATE * len(v)), 4) :]
    if len(v) < 4 or max(late) - min(late) > SAME:  # noqa: PLR2004 - three alike are chance
        return False
    return max(v) - min(v) < SAME or (late[-1] >= v[0] and late[-1] > HALF)


def place_words(x: float | None) -> str:
    """Return a position: whole where it is, else with two digits."""
    if x is None:
        return "?"
    return f"{x:,.0f}" if float(x).is_integer() else f"{x:,.2f}"
