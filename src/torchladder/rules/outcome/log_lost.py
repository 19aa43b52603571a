"""Runs that are lost, or too good to be true: what is told first, for it is the most certain."""

import statistics

from torchladder.rules.outcome.log_look import POINTS_MIN, UNKNOWN, Look, Verdict, since, steady, still, where
from torchladder.rules.outcome.log_shape import Shape, at_chance, grain, swing


def diverged(look: Look) -> Verdict | None:
    """Tell whether the training loss ended far above where it began, or lost for good what it had reached."""
    t, k = look.train, look.limits
    if t is None:
        return None
    last = statistics.fmean(t.means[-2:])
    if not t.score and t.start > 0 and last > k.grew * t.start and last > k.grew * t.low:
        return "diverged", since(t, lambda v: v > 2 * t.start), f"{t.name} went from {t.say(t.start)} to {t.say(last)}"
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
    slow = steady(t) and (h is None or steady(h)) and fall > k.slow
    flat = fall < k.learned and held_fall < k.learned and not slow
    frozen = h is not None and len(h.values) > 2 and max(h.values) - min(h.values) < 1e-6 * abs(h.start)  # noqa: PLR2004
    memory = h is not None and fall < k.memorised and held_fall < k.learned / 2
    chance = at_chance(look.log, t, h, look.score, k.chance) and still(t, k.still) and not slow
    if reached or not (flat or frozen or memory or chance):
        return None
    if _begun(look) and not chance:
        return (
            UNKNOWN,
            None,
            f"the log begins at {where(look, t.xs[0])} and nothing falls after: what was before?",
        )
    if t.score and t.end < 1 - k.right:
        return None
    both = f" and {h.name} at {h.say(h.end)}" if h is not None and h is not t else ""
    return "not-learning", t.xs[0], f"{t.name} stays at {t.say(t.end)}{both} from the first value to the last"


def _learned_score(score: Shape) -> bool:
    """Tell whether a score rose by more than its own noise; an R2 below 0 is worse than the mean, and counts as 0."""
    start = min(score.start, 1.0)
    rise = start - score.low
    return rise > max(0.1, 4 * score.noise) and score.end < start - 0.5 * rise


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
    many = score is not None and grain(score) < 1 / k.samples
    early = max(round(len(h.values) * k.early), 2)
    level = (k.perfect if many else k.perfect / 4) * look.start
    if h.end < level and min(h.values[:early]) < 4 * level:
        at = next(x for x, v in zip(h.xs, h.values, strict=True) if v < 4 * level)
        return "too-good", at, f"{h.name} is {h.say(h.end)}, {h.end / look.start:.2%} of where training began"
    return None
