"""What the judgement of a log looks at, and the questions that several states ask of it."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.log_facts import LogFact
from torchladder.rules.outcome.log_limits import LogLimits
from torchladder.rules.outcome.log_shape import LATE, Shape, lift_of, place_words, shape_of

POINTS_MIN = 4
EXPLODED = 20.0  # times the first held-out loss: the first training loss is no measure of anything
BEYOND = 4.0  # times the most that a guess can cost: the first training loss was an explosion
MOST_FALLEN = 0.5  # of the first mean: a larger fall is that of a leap at the start
UNKNOWN, HEALTHY = "unknown", "healthy"
Verdict = tuple[str, float | None, str]  # state, since when, by which figures


@dataclass(frozen=True, slots=True)
class Look:
    """What the judgement looks at: shapes of the curves, losses first, scores where there are no losses."""

    log: LogFact
    limits: LogLimits
    train: Shape | None
    held: Shape | None
    score: Shape | None

    @property
    def alike(self) -> bool:
        """Return whether both sides are one quantity and can be compared; two scores of one name are."""
        return self.log.alike if self.log.train is not None and self.log.held is not None else self.log.held is None

    @property
    def start(self) -> float:
        """Return the loss at the start, as large as either side had it; where it exploded there, as held-out data.

        A training loss that is the mean over an epoch has fallen in the first of them already: the start lies above it
        by about as much as the held-out loss after that epoch lies below. Half of that is taken, the distance that both
        keep to the end (dropout, say) aside.
        """
        t, held = self.train, self.held if self.alike else None
        most = self._guess_at_most()
        if t is not None and most is not None and t.start > BEYOND * most > BEYOND * statistics.median(t.values):
            return most
        if t is not None and held is not None and t.start > EXPLODED * held.start > 0:
            return 2 * held.start
        start = max([s.start for s in (t, held) if s is not None], default=0.0)
        if t is not None and held is not None and len(t.values) == len(held.values) and not t.score:
            fallen = t.values[0] - held.values[0] - max(t.end - held.end, 0.0)
            if 0 < fallen < MOST_FALLEN * t.values[0] and t.end <= held.values[0]:
                start = max(start, t.values[0] + fallen / 2)
        return max(start, 1e-12)

    def _guess_at_most(self) -> float | None:
        """Return what a blind guess can cost at most where a share right is logged: its lowest is little below a guess.

        Of K classes alike a guess has 1/K right and costs ln K.
        """
        scores = [s for s in (self.log.train_score, self.log.held_score) if s is not None and s.values]
        shapes = [shape_of(s) for s in scores if "acc" in s.name.lower() and s.direction == "max" and min(s.values) > 0]
        rights = [1 - max(s.values) for s in shapes if s is not None]
        return math.log(2 / min(rights)) if rights and min(rights) > 0 else None


def looked(log: LogFact, limits: LogLimits) -> Look:
    """Return the shapes that are judged."""
    lifted = lift_of(log.train, log.held)
    train, held = shape_of(log.train, lifted), shape_of(log.held, lifted)
    score = shape_of(log.held_score)
    if train is None and held is None:
        train, held = shape_of(log.train_score), score
    return Look(log, limits, train, held, score)


def where(look: Look, x: float | None) -> str:
    """Return a position with its unit."""
    return f"{look.log.unit} {place_words(x)}"


def since(shape: Shape, holds: Callable[[float], bool]) -> float | None:
    """Return the first position from which on most values hold a condition."""
    return next((x for x, v in zip(shape.xs, shape.values, strict=True) if holds(v)), None)


def value_at(shape: Shape, x: float) -> float:
    """Return the value of a curve near a position: the mean of the window around it."""
    i = min(range(len(shape.xs)), key=lambda j: abs(shape.xs[j] - x))
    reach = max(len(shape.xs) // 40, 0)
    return statistics.fmean(shape.values[max(i - reach, 0) : i + reach + 1])


def start_words(look: Look, t: Shape) -> str:
    """Return the level at the start as the log has it."""
    return t.say(look.start)


def close(look: Look, t: Shape, h: Shape | None) -> bool:
    """Tell whether both sides ended alike."""
    return h is not None and look.alike and abs(h.end - t.end) < look.limits.close * max(abs(t.end), 1e-12)


def progress_left(look: Look, t: Shape) -> float:
    """Return the share of the start that is left, 0 where a score says that the fit is good."""
    if look.score is not None and look.score.end < 1 - look.limits.right:
        return 0.0
    return t.end / look.start


def level(look: Look) -> float:
    """Return the start, or twice what held-out data began with where training began with a leap."""
    held = look.held if look.held is not None and look.alike else None
    return min(look.start, 2 * held.values[0]) if held is not None else look.start


def still(t: Shape, share: float) -> bool:
    """Tell whether the last two fifths changed next to nothing, or by no more than their own noise."""
    late = t.late
    half = max(len(late) // 2, 1)
    change = abs(statistics.fmean(late[:half]) - statistics.fmean(late[half:]))
    points = max(len(t.values) * half // len(t.means), 1)
    return change < max(share * abs(statistics.fmean(late)) / 2, 2 * t.noise * math.sqrt(2 / points))


def steady(shape: Shape) -> bool:
    """Tell whether a curve falls in nearly every step, late too, and by more than its noise: slow is not stopped."""
    steps = [b < a for a, b in pairwise(shape.means)]
    whole, late = shape.start - shape.end, shape.late[0] - shape.late[-1]
    falls = len(steps) > POINTS_MIN and sum(steps) > 0.85 * len(steps)
    return falls and whole > 6 * shape.noise and late > 0.15 * whole


def dead(look: Look, share: float) -> bool:
    """Tell whether held-out losses do not move at all any more: nothing is learned, whatever there is to learn."""
    h = look.held
    late = h.values[-max(round(LATE * len(h.values)), 3) :] if h is not None and look.alike else ()
    return len(late) > POINTS_MIN and max(late) - min(late) < share * abs(late[-1])
