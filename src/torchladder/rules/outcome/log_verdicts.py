"""What can be told from the curves of a log: one function a state, the most certain first.

Where blind guessing stands is not in a log. The loss at the start stands for it, which a run that learns within its
first epoch makes too low; what would need it exactly is not said. Noise is estimated from the curve itself: a held-out
set of thirty samples turns and swings without meaning anything.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.log_facts import LogFact
from torchladder.rules.outcome.log_limits import LogLimits
from torchladder.rules.outcome.log_shape import LATE, Shape, at_chance, place_words, shape_of, swing

POINTS_MIN = 4
FEW = 60  # points of a curve whose single values are looked at for swings
UNKNOWN, HEALTHY = "unknown", "healthy"


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
        """Return the loss at the start, as large as either side had it."""
        both = [s.start for s in (self.train, self.held if self.alike else None) if s is not None]
        return max(max(both, default=0.0), 1e-12)


Verdict = tuple[str, float | None, str]


def looked(log: LogFact, limits: LogLimits) -> Look:
    """Return the shapes that are judged."""
    train, held = shape_of(log.train), shape_of(log.held)
    score = shape_of(log.held_score)
    if train is None and held is None:
        train, held = shape_of(log.train_score), score
    return Look(log, limits, train, held, score)


def verdict(look: Look) -> Verdict:
    """Return state, since when, and by which figures; the first that applies, the most certain first."""
    lost = next((s for s in (look.log.train, look.log.held) if s is not None and s.lost is not None), None)
    others = (look.train, look.held, look.score)
    if lost is not None and any(s is not None for s in others):
        return "diverged", lost.lost, f"{lost.name} is no number from {look.log.unit} {place_words(lost.lost)} on"
    for check in (enough, diverged, not_learning, too_good, overfitting, oscillating, unfinished, poor):
        found = check(look)
        if found is not None:
            return found
    return sound(look)


def enough(look: Look) -> Verdict | None:
    """Refuse what is too short, or begins in the middle."""
    sides = [s for s in (look.train, look.held) if s is not None]
    if not sides:
        series = [s for s in (look.log.train, look.log.held, look.log.held_score) if s is not None]
        if any(s.n for s in series):
            return UNKNOWN, None, f"no value of {series[0].name} is a number"
        return UNKNOWN, None, "no loss and no score has a value"
    if max(len(s.values) for s in sides) < POINTS_MIN:
        n = max(len(s.values) for s in sides)
        return (
            UNKNOWN,
            None,
            f"{n} value{'s' if n != 1 else ''} of {sides[0].name} show no course; {POINTS_MIN} or more do",
        )
    if look.train is None and look.held is not None:
        return _held_alone(look, look.held)
    return None


def _held_alone(look: Look, held: Shape) -> Verdict | None:
    best = min(range(len(held.values)), key=lambda i: held.values[i])
    if held.end > look.limits.turned * held.values[best]:
        words = (
            f"{held.name} was best at {look.log.unit} {place_words(held.xs[best])} and got worse after; without a training loss "
            "overfitting and divergence look alike"
        )
        return UNKNOWN, None, words
    return None if held.start - held.low < look.limits.learned * held.start else (UNKNOWN, None, _alone_words(held))


def _alone_words(held: Shape) -> str:
    return f"{held.name} improves, but without a training loss nothing says whether the fit is poor or close"


def diverged(look: Look) -> Verdict | None:
    """Tell whether the training loss ended far above where it began, or lost for good what it had reached."""
    t, k = look.train, look.limits
    if t is None:
        return None
    last = statistics.fmean(t.means[-2:])
    if not t.score and t.start > 0 and last > k.grew * t.start and last > k.grew * t.low:
        return "diverged", _since(t, lambda v: v > 2 * t.start), f"{t.name} went from {t.say(t.start)} to {t.say(last)}"
    lowest = min(range(len(t.means)), key=lambda i: t.means[i])
    after = t.means[lowest + 1 :]
    gone = len(after) >= 2 and min(after[-max(len(after) // 2, 2) :]) > k.collapsed * t.low  # noqa: PLR2004 - for good
    swings = swing(after)[0] > k.spread_held if len(after) > POINTS_MIN else False
    high = len(after) >= 2 and min(after[-max(len(after) // 3, 2) :]) > 0.5 * t.start  # noqa: PLR2004
    if gone and (high or not swings) and last - t.low > k.back * t.start and last > 0.5 * t.start:
        at = t.xs[min(len(t.xs) * (lowest + 1) // len(t.means), len(t.xs) - 1)]
        return "diverged", at, f"{t.name} had come down to {t.say(t.low)} and has stood near {t.say(last)} since"
    return None


def not_learning(look: Look) -> Verdict | None:
    """Tell whether nothing fell, on either side, from the first value to the last."""
    t, h, k = look.train or look.held, look.held, look.limits
    if t is None:
        return None
    reached = look.score is not None and _learned_score(look.score)
    fall = (t.start - min(t.means[1:], default=t.start)) / max(abs(t.start), 1e-12)
    held_fall = (h.start - min(h.means[1:], default=h.start)) / max(abs(h.start), 1e-12) if h is not None else fall
    steady = _steady(t) and (h is None or _steady(h)) and fall > k.slow
    flat = fall < k.learned and held_fall < k.learned and not steady
    frozen = h is not None and len(h.values) > 2 and max(h.values) - min(h.values) < 1e-6 * abs(h.start)  # noqa: PLR2004
    memory = h is not None and fall < k.memorised and held_fall < k.learned / 2
    chance = at_chance(look.log, t, h, look.score, k.chance) and _still(t, k.still) and not steady
    if reached or not (flat or frozen or memory or chance):
        return None
    if _begun(look) and not chance:
        return (
            UNKNOWN,
            None,
            f"the log begins at {look.log.unit} {place_words(t.xs[0])} and nothing falls after: what was before?",
        )
    if t.score and t.end < 1 - k.right:
        return None
    both = f" and {h.name} at {h.say(h.end)}" if h is not None and h is not t else ""
    return "not-learning", t.xs[0], f"{t.name} stays at {t.say(t.end)}{both} from the first value to the last"


def _steady(shape: Shape) -> bool:
    """Tell whether a curve falls in nearly every step, late too, and by more than its noise: slow is not stopped."""
    steps = [b < a for a, b in pairwise(shape.means)]
    whole, late = shape.start - shape.end, shape.late[0] - shape.late[-1]
    falls = len(steps) > POINTS_MIN and sum(steps) > 0.85 * len(steps)  # noqa: PLR2004 - nearly every one
    return falls and whole > 6 * shape.noise and late > 0.15 * whole  # noqa: PLR2004 - of a straight line: 0.4


def _learned_score(score: Shape) -> bool:
    """Tell whether a score rose by more than its own noise."""
    rise = score.start - score.low
    return rise > max(0.1, 4 * score.noise) and score.end < score.start - 0.5 * rise


def _begun(look: Look) -> bool:
    t = look.train
    span = t.xs[-1] - t.xs[0] if t is not None else 0.0
    return t is not None and look.log.unit != "row" and t.xs[0] > max(2.0, 0.5 * span)


def too_good(look: Look) -> Verdict | None:
    """Tell whether held-out data is predicted without error almost from the start, as nothing real is."""
    h, k = look.held, look.limits
    if h is None or look.train is None or len(h.values) < POINTS_MIN:
        return None
    if h.score:
        return None
    score = look.score
    if score is not None and score.end > 1e-9:  # noqa: PLR2004 - not every one of them right
        return None
    many = score is not None and _grain(score) < 1 / k.samples
    early = max(round(len(h.values) * k.early), 2)
    level = (k.perfect if many else k.perfect / 4) * look.start
    if h.end < level and min(h.values[:early]) < 4 * level:
        at = next(x for x, v in zip(h.xs, h.values, strict=True) if v < 4 * level)
        return "too-good", at, f"{h.name} is {h.say(h.end)}, {h.end / look.start:.2%} of where training began"
    return None


def _grain(score: Shape) -> float:
    """Return the least difference between two values: of a share of n samples it is a multiple of 1/n."""
    known = sorted({round(v, 4) for v in score.values})
    return min((b - a for a, b in pairwise(known)), default=0.0)


def overfitting(look: Look) -> Verdict | None:
    """Tell whether held-out data got worse, or stayed far behind, while training went on improving."""
    t, h = look.train, look.held
    if t is None:
        return None
    found = _turn(look, t, h) if h is not None and look.alike else None
    if found is None and h is not None and look.alike:
        found = _apart(look, t, h)
    if found is None and look.score is not None and look.score is not h and (h is None or not look.alike):
        found = _score_turn(look, t, look.score)
    return found


def _turn(look: Look, t: Shape, h: Shape) -> Verdict | None:
    k = look.limits
    if len(h.values) < 3:  # noqa: PLR2004 - no turn without a point on each side
        return None
    smooth = h.smooth()
    best = min(range(len(smooth)), key=lambda i: smooth[i])
    after = len(smooth) - 1 - best
    rise = h.end - smooth[best]
    enough_rise = h.end > k.turned * smooth[best] and rise > max(k.noises * h.noise, k.least * look.start)
    if after < 2 or not enough_rise or t.end > k.ratio * h.end:  # noqa: PLR2004 - one bad value is no turn
        return None
    then = _at(t, h.xs[best])
    if t.end > 0.97 * then:
        return None
    at = look.log.held.best_x if look.log.held is not None and not h.score else h.xs[best]
    words = f"{h.name} was {h.say(smooth[best])} at {look.log.unit} {place_words(at)} and is {h.say(h.end)} at the end, while {t.name} "
    return "overfitting", at, words + f"went on from {t.say(then)} to {t.say(t.end)}"


def _apart(look: Look, t: Shape, h: Shape) -> Verdict | None:
    k = look.limits
    if t.end > k.far * h.end or h.end - t.end < k.gap * (1.0 if t.score else look.start) or len(h.values) < POINTS_MIN:
        return None
    early, late = h.means[: -max(len(h.means) // 3, 1)], h.means[-max(len(h.means) // 3, 1) :]
    if min(late) < 0.95 * min(early):
        return None  # it still improves
    at = _since(h, lambda v: v < 1.05 * h.low)
    words = f"{t.name} ends at {t.say(t.end)}, {h.name} at {h.say(h.end)}, and has not improved since {look.log.unit} {place_words(at)}"
    return "overfitting", at, words


def _score_turn(look: Look, t: Shape, score: Shape) -> Verdict | None:
    """Judge a held-out score beside a training loss."""
    smooth = score.smooth()
    best = min(range(len(smooth)), key=lambda i: smooth[i])
    drop = score.end - smooth[best]
    k = look.limits
    if drop < max(0.03, k.noises * score.noise) or len(smooth) - 1 - best < 2 or t.end > 0.97 * _at(t, score.xs[best]):  # noqa: PLR2004
        return None
    name = look.log.held_score.name if look.log.held_score is not None else score.name
    words = f"{name} was best at {look.log.unit} {place_words(score.xs[best])} and has fallen by {_n(drop)} since, while {t.name} fell"
    return "overfitting", score.xs[best], words


def oscillating(look: Look) -> Verdict | None:
    """Tell whether late means swing widely and keep turning; of held-out values, by more than a small set does."""
    k = look.limits
    for shape, spread_min in ((look.train, k.spread), (look.held if look.alike else None, k.spread_held)):
        if shape is None or len(shape.means) < 8 or shape.score:  # noqa: PLR2004 - too few parts to swing
            continue
        late = shape.late if len(shape.values) > FEW else shape.values[-round(LATE * len(shape.values)) :]
        spread, turns = swing(late)
        if spread > spread_min and turns >= k.turns and statistics.fmean(late) > k.high * _level(look):
            at = shape.xs[len(shape.xs) * 3 // 5]
            low, high = shape.say(min(late)), shape.say(max(late))
            return "oscillating", at, f"{shape.name} swings between {low} and {high}"
    return None


def _level(look: Look) -> float:
    """Return the start, or twice what held-out data began with where training began with a leap."""
    held = look.held if look.held is not None and look.alike else None
    return min(look.start, 2 * held.values[0]) if held is not None else look.start


def _progress_left(look: Look, t: Shape) -> float:
    """Return the share of the start that is left, 0 where a score says that the fit is good."""
    if look.score is not None and look.score.end < 1 - look.limits.right:
        return 0.0
    return t.end / look.start


def _close(look: Look, t: Shape, h: Shape | None) -> bool:
    return h is not None and look.alike and abs(h.end - t.end) < look.limits.close * max(abs(t.end), 1e-12)


def _still(t: Shape, share: float) -> bool:
    """Tell whether the last two fifths changed next to nothing, or by no more than their own noise."""
    late = t.late
    half = max(len(late) // 2, 1)
    change = abs(statistics.fmean(late[:half]) - statistics.fmean(late[half:]))
    points = max(len(t.values) * half // len(t.means), 1)
    return change < max(share * abs(statistics.fmean(late)) / 2, 2 * t.noise * math.sqrt(2 / points))


def unfinished(look: Look) -> Verdict | None:
    """Tell whether the run was ended in the middle of its fall."""
    t, k = look.train, look.limits
    main = look.held if look.held is not None and look.alike else t
    if t is None or main is None or main.score or len(main.values) < POINTS_MIN:
        return None
    left = 0.0 if _progress_left(look, t) == 0 else main.end / look.start
    if not k.far_to_go < left < (k.poor_score if main.score else k.poor):
        return None
    cut = max(len(main.values) // 5, 1)
    before, end = main.values[-cut - 1], main.values[-1]
    if cut > 2:  # noqa: PLR2004 - enough for means
        before, end = statistics.fmean(main.values[-2 * cut : -cut]), statistics.fmean(main.values[-cut:])
    fall = look.start - min(main.values)
    if before - end > max(k.steep * fall, k.noises * main.noise) and main.end <= 1.02 * min(main.means):
        words = f"{main.name} went from {main.say(before)} to {main.say(end)} in the last fifth of the run and had not slowed down"
        return "still-improving", main.xs[-1], words
    return None


def poor(look: Look) -> Verdict | None:
    """Tell whether both sides are fitted poorly, still falling or standing."""
    t, h, k = look.train, look.held, look.limits
    if t is None:
        return None
    left = _progress_left(look, t)
    moves = _steady(t) or (_close(look, t, h) and h is not None and not _still(h, k.still))
    still = _dead(look, k.dead) or (_still(t, k.still) and not moves)
    level = k.poor_score if t.score else k.poor
    if left > level and not still and _close(look, t, h):
        both = f" and {h.name} at {h.say(h.end)}" if h is not None else ""
        words = f"{t.name} ends at {t.say(t.end)}{both}, from {_said(look, t)} at the start, and still improves"
        return "underfitting", t.xs[0], words
    if (left > (level if t.score else k.stuck) or (left > k.stuck_dead and _dead(look, k.dead))) and still:
        if left > 1 - k.moved_least:
            return "not-learning", t.xs[0], f"{t.name} begins at {_said(look, t)} and stands at {t.say(t.end)}"
        at = _stopped(t)
        words = f"{t.name} has stood at {t.say(t.end)} since {look.log.unit} {place_words(at)}, from {_said(look, t)} at the start"
        return "plateau", at, words
    return None


def _dead(look: Look, share: float) -> bool:
    """Tell whether held-out losses do not move at all any more: nothing is learned, whatever there is to learn."""
    h = look.held
    late = h.values[-max(round(LATE * len(h.values)), 3) :] if h is not None and look.alike else ()
    return len(late) > POINTS_MIN and max(late) - min(late) < share * abs(late[-1])


def _stopped(t: Shape) -> float:
    """Return where the curve came within a twentieth of its whole fall from where it ended."""
    edge = t.end + max(0.05 * (t.start - t.end), t.noise)
    return _since(t, lambda v: v < edge) or t.xs[0]


def sound(look: Look) -> Verdict:
    """Describe a run that shows none of all this."""
    t, h, score = look.train, look.held, look.score
    if t is None:
        return UNKNOWN, None, "there is no training loss"
    words = f"{t.name} {t.say(t.start)} -> {t.say(t.end)}"
    if h is None and score is None:
        return UNKNOWN, None, f"{words}; without any held-out value nothing says whether it generalises"
    if h is not None and h is not score:
        words += f", {h.name} {h.say(h.start)} -> {h.say(h.end)}"
    improved = [s for s in (h, score) if s is not None and _improved(look, s)]
    if not improved:
        return UNKNOWN, None, f"{words}; held-out data neither improves nor gets worse"
    return HEALTHY, None, words


def _improved(look: Look, s: Shape) -> bool:
    """Tell whether held-out values got better than their first one, or were better than training began from the first."""
    from_first = s.low < s.start - max(0.01 * abs(s.start), s.noise)
    at_once = s is look.held and look.alike and s.low < 0.9 * look.start
    return from_first or at_once


def _said(look: Look, t: Shape) -> str:
    return t.say(look.start)


def _since(shape: Shape, holds: Callable[[float], bool]) -> float | None:
    """Return the first position from which on most values hold a condition."""
    return next((x for x, v in zip(shape.xs, shape.values, strict=True) if holds(v)), None)


def _at(shape: Shape, x: float) -> float:
    """Return the value of a curve near a position: the mean of the window around it."""
    i = min(range(len(shape.xs)), key=lambda j: abs(shape.xs[j] - x))
    reach = max(len(shape.xs) // 40, 0)
    return statistics.fmean(shape.values[max(i - reach, 0) : i + reach + 1])


def _n(value: float) -> str:
    return f"{value:.3g}"
