"""Differences of runs paired by seed: their interval, whether they are noise, and how many seeds would settle it.

The seeds of a change and of the baseline share split, order of the data and first weights as far as the change leaves
them alone, so the differences of a seed are taken first and judged by Student's t: mean ± t(n - 1) s / sqrt(n). No
spread is shared between changes, since a change may alter the spread itself. Verdicts are at 5 %, corrected for the
number of changes by Holm's method.

Looks before the last one only tell what needs no further seeds. Two differences have no spread to speak of, so there
the spread of all changes together is taken, or the change's own if that is larger; all looks at all changes share 1 %,
and the change's own test must find it at 5 % as well. That claims anything at all of changes that do nothing in 6 % of
ablations at most where they spread alike; by simulation in 9 % where one of eight spreads four times as much.

A metric that moves in steps (accuracy on 180 samples moves by 1/180) can show two equal differences by chance. The
spread of n differences is therefore never taken to be below that of rounding two values to that step, q / sqrt(6).

Seeds that would settle it: the smallest n at which the two-sided paired t test finds, with a probability of 80 %, a
true difference as large as the one seen, with the spread seen (noncentral t with n - 1 degrees of freedom and
noncentrality d sqrt(n) / s), at the level that the number of changes leaves, 5 % / changes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.05
LOOKS_LEVEL = 0.01  # of all looks before the last one, at all changes together
FIRST = 2  # seeds of everything, before any change is judged
GROWTH = 2  # a further look adds a part of the seeds so far, so that the looks stay few
POWER = 0.8
SEEDS_MAX = 1000
ROUNDING = 1e-12  # of differences that cancel out
TWO = 2  # differences that a spread needs


@dataclass(frozen=True, slots=True)
class Paired:
    """Differences of one change to the baseline, a difference a seed.

    Attributes:
        n: How many.
        mean: Of the differences.
        deviation: Their standard deviation; None with one difference.
        margin: Half the width of the 95 % interval of the mean, of this change alone; None with one.
        p: Of the two-sided paired t test; None with one.
        early: Whether a look before the last one settled it, by the spread of all changes together.
    """

    n: int
    mean: float
    deviation: float | None
    margin: float | None
    p: float | None
    early: bool = False


def differences(values: Mapping[int, float], base: Mapping[int, float]) -> list[float]:
    """Return the differences of the seeds that both have, in the order of the seeds."""
    return [values[seed] - base[seed] for seed in sorted(values.keys() & base.keys())]


def paired(found: Sequence[float], step: float = 0.0) -> Paired:
    """Judge differences by their own spread.

    Args:
        found: A difference a seed, at least one, all finite.
        step: The smallest step of the metric, 0 if it has none.
    """
    n, mean = len(found), _mean(found)
    if n < TWO:
        return Paired(n, mean, None, None, None)
    return _judged(found, _deviation(found, step), n - 1)


def _mean(found: Sequence[float]) -> float:
    mean = math.fsum(found) / len(found)
    return mean if abs(mean) >= ROUNDING * max(map(abs, found)) else 0.0


def _deviation(found: Sequence[float], step: float) -> float:
    if not any(found):
        return 0.0
    mean = _mean(found)
    spread = math.sqrt(math.fsum((d - mean) ** 2 for d in found) / (len(found) - 1))
    return max(spread, step / math.sqrt(6))


def _judged(found: Sequence[float], deviation: float, freedom: int, *, early: bool = False) -> Paired:
    from scipy.special import stdtr, stdtrit

    n, mean = len(found), _mean(found)
    error = deviation / math.sqrt(n)
    margin = float(stdtrit(freedom, 1 - LEVEL / 2)) * error
    p = float(2 * stdtr(freedom, -abs(mean) / error)) if error else float(mean == 0.0)
    return Paired(n, mean, deviation, margin, p, early)


def looks(seeds: int) -> list[int]:
    """Return the numbers of seeds at which changes are looked at before the last look, which is at ``seeds``."""
    found, n = [], FIRST
    while n < seeds:
        found.append(n)
        n += max(1, n // GROWTH)
    return found


def settled(found: Mapping[str, Sequence[float]], seeds: int, changes: int, step: float = 0.0) -> dict[str, Paired]:
    """Return the changes that need no further seeds, judged.

    Args:
        found: Differences of each change that is not settled yet, or was: all that have some.
        seeds: The most that there may be.
        changes: How many there are in all.
        step: The smallest step of the metric.
    """
    several = {name: row for name, row in found.items() if len(row) >= TWO}
    freedom = sum(len(row) - 1 for row in several.values())
    if not freedom:
        return {}
    own = {name: _deviation(row, step) for name, row in several.items()}
    common = math.sqrt(sum((len(row) - 1) * own[name] ** 2 for name, row in several.items()) / freedom)
    level = LOOKS_LEVEL / (changes * max(len(looks(seeds)), 1))
    judged = {name: _judged(row, max(own[name], common), freedom, early=True) for name, row in several.items()}
    alone = {name: paired(row, step).p or 0.0 for name, row in several.items()}
    return {n: one for n, one in judged.items() if one.p is not None and one.p <= level and alone[n] <= LEVEL}


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's step-down method, in the order given."""
    corrected = [1.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return corrected


def power(difference: float, deviation: float, n: int, level: float) -> float:
    """Return with what probability the paired t test over ``n`` seeds finds a true difference."""
    from scipy.special import nctdtr, stdtrit

    bound = float(stdtrit(n - 1, 1 - level / 2))
    away = abs(difference) * math.sqrt(n) / deviation
    return 1.0 - float(nctdtr(n - 1, away, bound)) + float(nctdtr(n - 1, away, -bound))


def seeds_needed(difference: float, deviation: float, changes: int = 1) -> int | None:
    """Return how many seeds would settle a difference of this size; None beyond ``SEEDS_MAX``, or if there is none."""
    if not difference or not deviation:
        return None
    level = LEVEL / max(changes, 1)
    if power(difference, deviation, SEEDS_MAX, level) < POWER:
        return None
    low, high = 1, SEEDS_MAX  # power rises with n
    while high - low > 1:
        middle = (low + high) // 2
        if power(difference, deviation, middle, level) < POWER:
            low = middle
        else:
            high = middle
    return high
