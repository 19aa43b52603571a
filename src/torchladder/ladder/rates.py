"""What a learning-rate range test says: readings of its curve, each a pure function of rates and losses.

A reading names the rule that gave it. None of them is trusted by itself: the rung trains at what
they point to, and compares.

Sources:
    Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3 (the range test).
    fastai, callback/schedule.py (valley: the longest falling stretch, a point half-way along it).
"""

import itertools
import math
import statistics
from dataclasses import dataclass

SPAN = 20  # the smoothing averages over this part of the curve
QUIET = 4  # the part of the curve, from its start, in which nothing is learned yet
QUIET_MIN = 6  # points that a noise can be told from
CLEAR = 4.0  # standard errors by which the loss must fall for the curve to say anything
VISIBLE = 1e-3  # and the share of the starting loss
DIVERGED = 4.0  # times the best smoothed loss
RISEN = 0.5  # and this share above where it started
UNDER_WAY = 0.1  # of the whole fall, before a step counts as a descent
FEW = 4  # points below which there is no curve
APART = 2.0  # candidates nearer than this factor are one
CANDIDATES = 4
STEP = math.sqrt(10)  # half a decade, about three times
MAD = 1.4826  # median absolute deviation to standard deviation of a normal


@dataclass(frozen=True, slots=True)
class Reading:
    """A rate and the rule that named it."""

    rule: str
    lr: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A range test, smoothed, with its landmarks.

    Attributes:
        start: Loss before anything was learned.
        noise: Standard error of a smoothed loss against the start, None when there are too few points to tell.
        bottom: Index of the smoothed minimum.
        divergence: Rate at which the smoothed loss is back where it started, or is no number.
    """

    lrs: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    start: float
    noise: float | None
    bottom: int
    divergence: float | None

    @property
    def drop(self) -> float:
        """How far the smoothed loss fell."""
        return self.start - self.smoothed[self.bottom]


def beta_of(n: int) -> float:
    """Return the weight of the past for a curve of ``n`` points: none for a handful, 0.8 for a hundred."""
    return max(0.0, 1.0 - SPAN / max(n, 1))


def smooth(losses: list[float] | tuple[float, ...], beta: float) -> list[float]:
    """Return the exponential moving average, corrected for its start (Kingma and Ba, Adam, section 3)."""
    average, out = 0.0, []
    for i, value in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * value
        out.append(average / (1 - beta**i))
    return out


def smooth_both_ways(losses: list[float], beta: float) -> list[float]:
    """Return the average of the past and then of the future: a minimum stays where it is."""
    return smooth(smooth(losses, beta)[::-1], beta)[::-1]


def ceiling(first: float, best: float) -> float:
    """Return the smoothed loss above which a run has diverged; losses below zero have one, too."""
    return max(best + (DIVERGED - 1) * abs(best), first + RISEN * abs(first))


def read(
    lrs: list[float] | tuple[float, ...], losses: list[float] | tuple[float, ...], *, diverged: bool = False
) -> Curve | None:
    """Return the curve of a sweep, None when it has too few points.

    Args:
        lrs: Rising, one a step.
        losses: After the step at that rate; what is not finite is left out, and a tail of it is divergence.
        diverged: Whether the sweep was stopped for that reason, though its last loss was a number.
    """
    pairs = [(lr, v) for lr, v in zip(lrs, losses, strict=True) if math.isfinite(v)]
    if len(pairs) < FEW:
        return None
    broken = next((lr for lr, _ in zip(lrs, losses, strict=True) if lr > pairs[-1][0]), None)
    rates, values = tuple(lr for lr, _ in pairs), [v for _, v in pairs]
    beta = beta_of(len(values))
    quiet = values[: max(len(values) // QUIET, 1)]
    start = statistics.fmean(quiet) if len(quiet) >= QUIET_MIN else values[0]
    top = ceiling(start, min(values))
    smoothed = smooth_both_ways([min(v, top) for v in values], beta)
    learning = len(quiet) if len(quiet) >= QUIET_MIN else 0
    bottom = min(range(learning, len(smoothed)), key=smoothed.__getitem__)
    back = next((rates[i] for i in range(bottom, len(rates)) if smoothed[i] >= start), None)
    if smoothed[bottom] >= start:
        back = None
    last = rates[-1] if diverged else None
    return Curve(rates, tuple(values), tuple(smoothed), start, _noise(quiet, beta), bottom, back or broken or last)


def _noise(quiet: list[float], beta: float) -> float | None:
    """Return the standard error of a fall from the start, from neighbours in the part where nothing is learned."""
    if len(quiet) < QUIET_MIN:
        return None
    steps = [b - a for a, b in itertools.pairwise(quiet)]
    middle = statistics.median(steps)
    sd = MAD * statistics.median(abs(s - middle) for s in steps) / math.sqrt(2)
    # the kernel of both passes is (1 - b) / (1 + b) * b^|k|; its squares sum to this
    share = ((1 - beta) / (1 + beta)) ** 2 * (1 + beta**2) / (1 - beta**2)
    return sd * math.sqrt(share + 1 / len(quiet))  # and the start has an error of its own


def refusal(curve: Curve | None) -> str | None:
    """Return why a curve names no rate, None when it does."""
    if curve is None:
        return f"fewer than {FEW} steps of the sweep had a finite loss"
    if curve.drop <= VISIBLE * abs(curve.start):
        return "the curve is flat: the loss falls at no rate of the sweep"
    if curve.noise is not None and curve.drop < CLEAR * curve.noise:
        return f"the curve is too noisy: the loss falls by {curve.drop:.3g}, batches differ by {curve.noise:.2g} alone"
    return None


# --- readings -----------------------------------------------------------------------------------


def steepest(curve: Curve) -> Reading:
    """Return the rate whose step lowered the smoothed loss most, once it had begun to fall: noise falls anywhere."""
    y, under_way = curve.smoothed, curve.start - UNDER_WAY * curve.drop
    falls = {i: y[i - 1] - y[i] for i in range(1, curve.bottom + 1) if y[i] <= under_way}
    best = max(falls, key=falls.__getitem__) if falls else curve.bottom
    return Reading("the steepest descent", curve.lrs[best])


def tenth_of_minimum(curve: Curve) -> Reading:
    """Return an order of magnitude below the minimum."""
    return Reading("a tenth of the minimum", curve.lrs[curve.bottom] / 10)


def tenth_of_divergence(curve: Curve) -> Reading | None:
    """Return an order of magnitude below where the loss is back at its start."""
    return None if curve.divergence is None else Reading("a tenth of where it diverges", curve.divergence / 10)


def valley(curve: Curve) -> Reading | None:
    """Return the middle of the longest falling subsequence, as fastai's ``valley`` does."""
    y = curve.smoothed
    longest, end = [1] * len(y), 0
    for i in range(1, len(y)):
        longest[i] = max((longest[j] + 1 for j in range(i) if y[i] < y[j]), default=1)
        if longest[i] > longest[end]:
            end = i
    begin = max(end - longest[end], 0)
    third = (end - begin) / 3
    return Reading("the middle of the valley", curve.lrs[begin + int(third) + int(third / 2)]) if third >= 1 else None


def readings(curve: Curve) -> tuple[Reading, ...]:
    """Return every reading of a curve that can be read."""
    found = (tenth_of_minimum(curve), steepest(curve), valley(curve), tenth_of_divergence(curve))
    return tuple(r for r in found if r is not None)


def suggestion(curve: Curve | None) -> Reading | None:
    """Return the rate a curve suggests by itself, None when it names none.

    A tenth of the minimum, unless the steepest descent lies below it: a sweep learns on its way, so that its
    minimum may come late, and there the loss falls no longer.
    """
    if curve is None or refusal(curve) is not None:
        return None
    return min((tenth_of_minimum(curve), steepest(curve)), key=lambda r: r.lr)


# --- what to try --------------------------------------------------------------------------------


def apart(a: float, b: float) -> bool:
    """Tell whether two rates are more than a factor of two apart."""
    return abs(math.log(a / b)) > math.log(APART) * (1 + 1e-9)


def candidates(curve: Curve | None, own: float) -> tuple[Reading, ...]:
    """Return two to four rates worth a run, the most promising first; those within a factor of two are one.

    The program's own rate is always among them: a suggestion is worth something beside it.
    """
    own_one = Reading("the program's own", own)
    first = suggestion(curve)
    if curve is None or first is None:  # the program's own neighbourhood is all there is
        return own_one, Reading("three times the program's own", STEP * own), Reading("a third of it", own / STEP)
    others = sorted(readings(curve), key=lambda r: r.lr)
    low = [] if apart(own, first.lr) and own < first.lr else [others[0]]  # one rate from below shows enough
    kept: list[Reading] = []
    for reading in (first, own_one, others[-1], *low):
        if reading.lr > 0 and all(apart(reading.lr, k.lr) for k in kept):
            kept.append(reading)
    if len(kept) == 1:
        kept.append(Reading("three times it", STEP * kept[0].lr))
    return tuple(kept[:CANDIDATES])


def scaled_for_batch(lr: float, old: int, new: int, *, adaptive: bool) -> float:
    """Return the rate for another batch size: linear for SGD, the square root for Adam and its kin.

    Sources:
        Goyal et al., Accurate, Large Minibatch SGD, 2017, section 2.1 (linear).
        Malladi et al., On the SDEs and Scaling Rules for Adaptive Gradient Algorithms, 2022 (square root).
    """
    factor = new / old
    return lr * (math.sqrt(factor) if adaptive else factor)
