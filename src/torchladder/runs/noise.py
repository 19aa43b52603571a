"""Whether a difference between two configurations is more than the seed alone makes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
SEEDS_MAX = 1000
FIRST_SEEDS = 3  # of each that are advised where nothing is known


@dataclass(frozen=True, slots=True)
class NoiseVerdict:
    """A difference beside the noise of seeds.

    Attributes:
        verdict: "beyond", "within" or "unknown".
        difference: Mean of the second less mean of the first.
        margin: Half the width of the 95 % confidence interval of ``difference``; None if unknown.
        seeds: How many of each are behind it.
        needed: Seeds of each with which a true difference of this size would be told; None if that is not known.
    """

    verdict: str
    difference: float
    margin: float | None
    seeds: tuple[int, int]
    needed: int | None
    words: str


def noise_verdict(first: Sequence[float], second: Sequence[float]) -> NoiseVerdict:
    """Judge the difference of two configurations from the values of a metric at several seeds of each.

    With several seeds of one of them only, the other is taken to vary as much. For two of both, variances may differ
    (Welch).

    Args:
        first: Of the first configuration, a value a seed.
        second: Of the second.
    """
    n, m = len(first), len(second)
    difference = _mean(second) - _mean(first)
    if not all(map(math.isfinite, [*first, *second])):
        return NoiseVerdict("unknown", difference, None, (n, m), None, "unknown: not every value is a number")
    if n < 2 and m < 2:  # noqa: PLR2004 - a spread needs two
        effect = _t(2 * FIRST_SEEDS - 2) * math.sqrt(2 / FIRST_SEEDS)
        words = (
            f"unknown: no repeats of either configuration; {FIRST_SEEDS} seeds of each would tell a difference of "
            f"{effect:.1f} standard deviations"
        )
        return NoiseVerdict("unknown", difference, None, (n, m), None, words)
    margin, deviation = _margin(first, second)
    seeds = f"{n}" if n == m else f"{n} and {m}"
    told = f"{difference:+.3g} ± {margin:.2g} over {seeds} seeds"
    if abs(difference) > margin:
        return NoiseVerdict("beyond", difference, margin, (n, m), max(n, m), f"beyond seed noise: {told}")
    if difference == 0.0:
        return NoiseVerdict("within", 0.0, margin, (n, m), None, f"no difference: {told}")
    needed = _needed(difference, deviation)
    more = "more than 1,000 seeds" if needed is None else f"about {needed} seeds"
    words = f"within seed noise: {told}; {more} of each would settle it"
    return NoiseVerdict("within", difference, margin, (n, m), needed, words)


def within_one(first: float, second: float, seeds: Sequence[float], *, same_seed: bool) -> NoiseVerdict:
    """Judge the difference of two runs of one configuration, of which several ``seeds`` have the values given."""
    count = (len(seeds), len(seeds))
    if same_seed:
        told = "nothing" if first == second else "what is not deterministic"
        words = f"the same configuration and seed: what differs is {told}"
    elif len(seeds) > 1:
        spread = f"{math.sqrt(_variance(seeds)):.2g} over {len(seeds)} seeds"
        words = f"the same but for the seed: this is the noise, with a standard deviation of {spread}"
    else:
        words = "the same but for the seed: this is the noise"
    return NoiseVerdict("within", second - first, None, count, None, words)


def _margin(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return half the width of the confidence interval of the difference of means, and a standard deviation."""
    n, m = len(first), len(second)
    if n < 2 or m < 2:  # noqa: PLR2004 - a spread needs two
        variance = _variance(first if n > m else second)
        return _t(max(n, m) - 1) * math.sqrt(variance * (1 / n + 1 / m)), math.sqrt(variance)
    a, b = _variance(first) / n, _variance(second) / m
    if a + b == 0.0:
        return 0.0, 0.0
    freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    return _t(freedom) * math.sqrt(a + b), math.sqrt((_variance(first) + _variance(second)) / 2)


def _needed(difference: float, deviation: float) -> int | None:
    for n in range(2, SEEDS_MAX + 1):
        if _t(2 * n - 2) * deviation * math.sqrt(2 / n) < abs(difference):
            return n
    return None


def _t(freedom: float) -> float:
    """Return the two-sided 95 % quantile of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - 1)
