"""What going on would give: the tail of a curve, continued by power laws and exponentials, with an interval.

Every pace of falling (exponents from a tenth to three, half-lives from a fraction of the tail to a multiple of it) is
fitted with its own floor and height by least squares, and weighs as much as its residuals allow. The interval is that
of the weighted predictions, with the scatter of a single value added. A learning rate that changes is not foreseen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.core.log_facts import SeriesFact

Numbers = NDArray[np.float64]
FURTHER = 0.5  # of the run so far: how much longer the outlook reaches
POINTS_MIN = 6
HEAD = 0.25  # of the points that are left out: the beginning follows another law
EXPONENTS = np.geomspace(0.1, 3.0, 16)
PACES = np.geomspace(0.08, 4.0, 16)  # of the span of the tail
STEADY = np.array([1.0, 1.5, 2.0])  # a straight line, and falls that still gain pace: a rate far too low gives them
LEVEL = 0.9
CORRELATED = 6.0  # neighbouring values err together: so many of them count as one
OFF = 0.2  # of the foreseen change: how far off the best of these curves is, at the least
WIDEN = 1.6  # what intervals of tuning runs, cut at two thirds, lacked to hold their ends in nine of ten


@dataclass(frozen=True, slots=True)
class Outlook:
    """A curve's value further on.

    Attributes:
        at: Position, half as far again as the run went.
        low, middle, high: The value there, with 90 % probability between low and high.
        now: The level at the end, as fitted.
        gains: Whether even the cautious end of the interval is better than now, the scatter of single values aside.
        xs, middles, lows, highs: The same from the end up to there, for a picture.
    """

    at: float
    now: float
    low: float
    middle: float
    high: float
    gains: bool = False
    xs: tuple[float, ...] = ()
    lows: tuple[float, ...] = ()
    middles: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()


def outlook(series: SeriesFact | None) -> Outlook | None:
    """Return where a curve is heading; None where too few values say."""
    if series is None or len(series.values) < POINTS_MIN:
        return None
    sign = -1.0 if series.direction == "max" else 1.0
    cut = int(len(series.xs) * HEAD)
    first = series.xs[0]
    span = max(series.xs[-1] - first, 1e-12)
    xs = (np.asarray(series.xs) - first) / span + 1 / len(series.xs)
    ys = sign * np.asarray(series.values)
    bases, heights, floors, weights, scatter = _fits(xs[cut:], ys[cut:])
    ahead = np.linspace(xs[-1], xs[-1] + FURTHER * (xs[-1] - xs[0]), 13)
    curves = floors[:, None] + heights[:, None] * bases(ahead)
    middles, lows, highs = [], [], []
    for column in curves.T:
        middle = float(weights @ column)
        low, high = _quantiles(column, weights)
        middles.append(middle)
        down, up = middle - min(low, middle), max(high, middle) - middle
        least = OFF * abs(middle - middles[0])  # the smoothest curve is not the family's to the last digit
        lows.append(middle - max(WIDEN * (down + 1.645 * scatter), least))
        highs.append(middle + max(WIDEN * (up + 1.645 * scatter), least))
    if ys.min() >= 0:
        lows = [max(v, 0.0) for v in lows]  # a loss has 0 beneath it
    real = [sign * np.asarray(v) for v in (lows, middles, highs)]
    low_end, middle, high_end = (float(v[-1]) for v in real)
    gains = highs[-1] - WIDEN * 1.645 * scatter < middles[0] - 0.2 * scatter
    places = tuple(float(x) for x in (ahead - 1 / len(series.xs)) * span + first)
    return Outlook(
        places[-1], float(real[1][0]), low_end, middle, high_end, gains, places,
        *(tuple(map(float, v)) for v in real),
    )  # fmt: skip


Fits = tuple[Callable[[Numbers], Numbers], Numbers, Numbers, Numbers, float]


def _fits(xs: Numbers, ys: Numbers) -> Fits:
    """Return the family of fits: basis functions, heights, floors, weights, scatter."""
    tail = max(float(xs[-1] - xs[0]), 1e-9)

    def bases(at: Numbers) -> Numbers:
        powers = np.power(at[None, :], -EXPONENTS[:, None])
        exponentials = np.exp(-(at[None, :] - xs[0]) / (PACES[:, None] * tail))
        steadily = -np.power(at[None, :], STEADY[:, None])
        return np.concatenate([powers, exponentials, steadily])

    b = bases(xs)
    centred = b - b.mean(1, keepdims=True)
    y = ys - ys.mean()
    heights = (centred @ y) / np.maximum((centred**2).sum(1), 1e-18)
    heights = np.maximum(heights, 0.0)  # a curve that rises has no better value ahead
    floors = ys.mean() - heights * b.mean(1)
    if ys.min() >= 0:  # a loss has 0 beneath it
        below = floors < 0
        through = (b @ ys) / (b**2).sum(1)
        heights = np.where(below, through, heights)
        floors = np.where(below, 0.0, floors)
    residuals = ys[None, :] - floors[:, None] - heights[:, None] * b
    squares = (residuals**2).sum(1) + 1e-18
    n = len(xs) / CORRELATED
    logs = -0.5 * n * np.log(squares / squares.min())
    weights = np.exp(logs)
    weights /= weights.sum()
    scatter = math.sqrt(float(squares.min()) / max(len(xs) - 3, 1))
    return bases, heights, floors, weights, scatter


def _quantiles(values: Numbers, weights: Numbers) -> tuple[float, float]:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    low = values[order][int(np.searchsorted(total, (1 - LEVEL) / 2))]
    high = values[order][min(int(np.searchsorted(total, (1 + LEVEL) / 2)), len(values) - 1)]
    return float(low), float(high)
