"""Which of several learning rates did best, as far as short runs of the program can tell: pure functions.

Held-out loss decides where the program evaluates, held-out accuracy where it computes no loss there, and the
end of the training loss where it does not evaluate at all.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from torchladder.core.lr_facts import LrTrialFact

TAIL = 0.1  # share of the steps whose training loss is averaged, and at least so many
TAIL_MIN = 10
FIFTH = 5
FEW = 5  # first losses that are averaged
ABOVE = 10.0  # as in the experiment that stops such a run: times the first loss higher
CLEAR = 3.0  # standard errors that a loss must fall by to have been learned
SAME = 0.003  # share of what was learned below which two rates did equally well
CLIFF = 3.0  # tolerances by which a neighbour may count as worse at most
CALMED = 2.0  # times the floor that the movement between evaluations may count for at most
WIDE = 10.0  # a range of equals at least this wide has no best rate in it
NEAR = 0.5  # decades within which another run tells what this rate would get next time
SLOWER = 3.0  # times less learned that is worth a warning
MAD = 1.4826
HELD_LOSS, HELD_ERROR, TRAINING = "held-out loss", "held-out error", "training loss"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Trials side by side.

    Attributes:
        metric: What is compared; lower is better.
        step: Steps after which it is.
        values: Rate -> value; infinite where the run diverged.
        tolerance: Differences below it are noise.
        start: What a model that has learned nothing gets, None when not known.
    """

    metric: str
    step: int
    values: dict[float, float]
    tolerance: float
    start: float | None

    @property
    def lowest(self) -> float:
        """The rate with the lowest value."""
        return min(self.values, key=self.values.__getitem__)

    @property
    def best(self) -> float:
        """Of the rates that did as well as the lowest, the one with the best neighbours.

        One run may be lucky, and beside a cliff the next one falls.
        """
        mark = self.values[self.lowest] + self.tolerance
        good = [r for r in self.values if self.values[r] <= mark]
        return min(sorted(good), key=lambda r: self.values[r] + self._around(r, mark + CLIFF * self.tolerance))

    def _around(self, rate: float, most: float) -> float:
        """Return what the neighbours of a rate got, each at most ``most``: the nearer one is, the more it counts.

        Beyond the highest rate that was tried lies, sooner or later, the cliff.
        """
        rates = sorted(self.values)
        i = rates.index(rate)
        beside = {rates[max(i - 1, 0)], *rates[i + 1 : i + 2]}
        beside |= {r for r in rates if r != rate and abs(math.log10(r / rate)) < NEAR}
        got = [(1 / (NEAR + 2 * abs(math.log10(r / rate))), min(self.values[r], most)) for r in beside]
        got += [(1 / (NEAR + 1), most)] if rate == rates[-1] else []
        return sum(weight * value for weight, value in got) / sum(weight for weight, _ in got)

    def equals(self) -> list[float]:
        """Return the rates, rising, that did as well as the best: one stretch around it."""
        rates = sorted(self.values)
        middle = rates.index(self.best)
        good = [self.values[r] <= self.values[self.lowest] + self.tolerance for r in rates]
        low = high = middle
        while low > 0 and good[low - 1]:
            low -= 1
        while high < len(rates) - 1 and good[high + 1]:
            high += 1
        return rates[low : high + 1]


@dataclass(frozen=True, slots=True)
class Choice:
    """What came of the trials: a rate, a range of equals (``lr`` None), or neither with a reason."""

    lr: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    comparison: Comparison | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def named(self) -> float | None:
        """The rate, or of a range of equals the one with the best neighbours: a program needs a number."""
        return self.lr if self.lr is not None or self.comparison is None or self.low is None else self.comparison.best


def has_diverged(losses: Sequence[float]) -> bool:
    """Tell whether a run was over: two losses that are no numbers, or its last ones far above its first."""
    if any(not math.isfinite(v) for v in losses[-2:]):
        return True
    last = losses[-TAIL_MIN:]
    return len(last) == TAIL_MIN and sum(last) / TAIL_MIN > losses[0] + ABOVE * abs(losses[0])


def finite(trial: LrTrialFact) -> bool:
    """Tell whether a trial went through with numbers for losses."""
    return trial.ended != "diverged" and bool(trial.losses) and math.isfinite(trial.losses[-1])


def common_step(trials: Sequence[LrTrialFact]) -> int:
    """Return how many steps all trials made that did not diverge."""
    return min((len(t.losses) for t in trials if finite(t)), default=0)


def last_until(points: Sequence[tuple[float, float]], step: float) -> float | None:
    """Return the value of the last point not after ``step``."""
    return next((v for s, v in reversed(points) if s <= step), None)


def training_loss(trial: LrTrialFact, step: int) -> float:
    """Return the mean training loss over the last part of the first ``step`` steps."""
    seen = trial.losses[:step]
    tail = seen[-max(int(TAIL * step), min(TAIL_MIN, step)) :]
    return sum(tail) / len(tail) if tail and all(map(math.isfinite, tail)) else math.inf


def compare(trials: Sequence[LrTrialFact]) -> Comparison | None:
    """Return the trials side by side after the steps that all of them made; None when none went through."""
    alive = [t for t in trials if finite(t)]
    step = common_step(alive)
    if not alive or step == 0:
        return None
    half = step / 2  # an evaluation from the first half says little about the end
    marks = [max((s for s, _ in t.held_out if s <= step), default=0) for t in alive]
    scores = [max((s for s, _ in t.accuracies if s <= step), default=0) for t in alive]
    if min(marks) >= half:
        metric, at = HELD_LOSS, min(marks)
        found = [last_until(t.held_out, at) for t in alive]
    elif min(scores) >= half:
        metric, at = HELD_ERROR, min(scores)
        right = [last_until(t.accuracies, at) for t in alive]
        found = [None if a is None else 1 - a for a in right]
    else:
        metric, at = TRAINING, step
        found = [training_loss(t, step) for t in alive]
    values = {t.lr: math.inf for t in trials}
    for t, v in zip(alive, found, strict=True):
        values[t.lr] = v if v is not None and math.isfinite(v) else math.inf
    best = next(t for t in alive if t.lr == min(values, key=values.__getitem__))
    start = _start(metric, alive)
    return Comparison(metric, int(at), values, _tolerance(metric, best, values[best.lr], start, step), start)


def _start(metric: str, alive: Sequence[LrTrialFact]) -> float | None:
    if metric == HELD_ERROR:
        return next((1 - t.majority for t in alive if t.majority is not None), None)
    slowest = min(alive, key=lambda t: t.lr)  # what has hardly moved shows the start over several batches
    firsts = [v for v in slowest.losses[:FEW] if math.isfinite(v)]
    evaluated = [v for _, v in slowest.held_out[:1]] if metric == HELD_LOSS else []
    return max([sum(firsts) / len(firsts), *evaluated]) if firsts else None


def _tolerance(metric: str, best: LrTrialFact, value: float, start: float | None, step: int) -> float:
    """Return what two runs of the same program may differ by at this point."""
    learned = max((start or 0.0) - value, 0.0) if math.isfinite(value) else 0.0
    floor = SAME * learned
    if metric == HELD_ERROR:
        rows = best.rows or 1
        return max(floor, math.sqrt(max(value * (1 - value), 1 / rows) / rows))
    if metric == TRAINING:
        tail = best.losses[max(step - max(int(TAIL * step), TAIL_MIN), 0) : step]
        return max(floor, _batch_noise(tail) / math.sqrt(max(len(tail), 1)))
    seen = [v for _, v in best.held_out[-6:]]
    bends = [abs(a - 2 * b + c) / math.sqrt(6) for a, b, c in zip(seen, seen[1:], seen[2:], strict=False)]
    # a schedule that ends low calms what moved half-way, so that this counts for little
    return max(floor, min(statistics.median(bends), CALMED * floor) if bends else 0.0)


def _batch_noise(losses: Sequence[float]) -> float:
    """Return the standard deviation from batch to batch."""
    steps = [b - a for a, b in itertools.pairwise(losses) if math.isfinite(a) and math.isfinite(b)]
    if not steps:
        return 0.0
    middle = statistics.median(steps)
    return MAD * statistics.median(abs(s - middle) for s in steps) / math.sqrt(2)


def learned(trial: LrTrialFact) -> bool:
    """Tell whether a run ended clearly below where it began, by its training loss or held-out accuracy."""
    if not finite(trial):
        return False
    if trial.accuracies and trial.majority is not None and trial.rows:
        spread = math.sqrt(max(trial.majority * (1 - trial.majority), 1 / trial.rows) / trial.rows)
        if max(a for _, a in trial.accuracies) > trial.majority + CLEAR * spread:
            return True
    n = len(trial.losses)
    few, many = trial.losses[: min(3, n)], trial.losses[: max(n // FIFTH, 1)]
    tail = trial.losses[-max(n // FIFTH, 1) :]
    sd = _batch_noise(trial.losses)
    end = sum(tail) / len(tail)
    falls = ((sum(head) / len(head) - end, math.sqrt(1 / len(head) + 1 / len(tail))) for head in (few, many))
    return any(fall > CLEAR * sd * share and fall > 0 for fall, share in falls)


def choose(trials: Sequence[LrTrialFact]) -> Choice:
    """Return the rate that the trials support, a range of equals, or why there is neither."""
    if not any(finite(t) for t in trials):
        return Choice(None, reason="the loss diverges at every rate that was tried")
    found = compare(trials)
    if found is None or not math.isfinite(found.values[found.lowest]):
        return Choice(None, reason="no loss could be compared", comparison=found)
    if not any(learned(t) for t in trials):
        return Choice(None, reason="nothing was learned at any rate that was tried", comparison=found)
    equals = found.equals()
    low, high = equals[0], equals[-1]
    if len(equals) > 1 and high / low >= WIDE * (1 - 1e-6):
        return Choice(None, low, high, comparison=found)
    return Choice(found.best, low, high, comparison=found)


def shortfall(found: Comparison, own: float) -> float | None:
    """Return how many times less was learned at the program's own rate than at the best; None: cannot tell."""
    if own not in found.values or found.start is None:
        return None
    value, best = found.values[own], found.values[found.lowest]
    if not math.isfinite(value):
        return math.inf
    gained, most = found.start - value, found.start - best
    if most <= found.tolerance or value - best <= found.tolerance:
        return 1.0
    return math.inf if gained <= 0 else most / gained
