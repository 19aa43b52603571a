"""What can be told from the curves of a log: one function a state, the most certain first.

Where blind guessing stands is not in a log. The loss at the start stands for it, which a run that learns within its
first epoch makes too low; what would need it exactly is not said. Noise is estimated from the curve itself: a held-out
set of thirty samples turns and swings without meaning anything.
"""

from torchladder.rules.outcome.log_fit import oscillating, overfitting, poor, unfinished
from torchladder.rules.outcome.log_look import HEALTHY, POINTS_MIN, UNKNOWN, Look, Verdict, where
from torchladder.rules.outcome.log_lost import diverged, not_learning, too_good
from torchladder.rules.outcome.log_shape import Shape


def verdict(look: Look) -> Verdict:
    """Return state, since when, and by which figures; the first that applies, the most certain first."""
    lost = next((s for s in (look.log.train, look.log.held) if s is not None and s.lost is not None), None)
    others = (look.train, look.held, look.score)
    if lost is not None and any(s is not None for s in others):
        return "diverged", lost.lost, f"{lost.name} is no number from {where(look, lost.lost)} on"
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
        shown = f"1 value of {sides[0].name} shows" if n == 1 else f"{n} values of {sides[0].name} show"
        return UNKNOWN, None, f"{shown} no course; {POINTS_MIN} or more do"
    if look.train is None and look.held is not None:
        return _held_alone(look, look.held)
    return None


def _held_alone(look: Look, held: Shape) -> Verdict | None:
    best = min(range(len(held.values)), key=lambda i: held.values[i])
    if held.end > look.limits.turned * held.values[best]:
        words = (
            f"{held.name} was best at {where(look, held.xs[best])} and got worse after; without a training loss "
            "overfitting and divergence look alike"
        )
        return UNKNOWN, None, words
    return None if held.start - held.low < look.limits.learned * held.start else (UNKNOWN, None, _alone_words(held))


def _alone_words(held: Shape) -> str:
    return f"{held.name} improves, but without a training loss nothing says whether the fit is poor or close"


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
    """Tell whether held-out values improved, or were better from the first than training was when it began."""
    from_first = s.low < s.start - max(0.01 * abs(s.start), s.noise)
    at_once = s is look.held and look.alike and s.low < 0.9 * look.start
    return from_first or at_once
