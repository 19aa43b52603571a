"""How a log says that a run which works fits its data: too closely, in swings, not yet, too little."""

import statistics

from torchladder.rules.outcome.log_look import (
    POINTS_MIN,
    Look,
    Verdict,
    close,
    dead,
    level,
    progress_left,
    since,
    start_words,
    steady,
    still,
    value_at,
    where,
)  # fmt: skip
from torchladder.rules.outcome.log_shape import LATE, Shape, swing

FEW = 60  # points of a curve whose single values are looked at for swings
FEW_MOVES = 8  # held-out values that can show whether anything moves


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
    if t.end > 0.97 * value_at(t, h.xs[best]):
        return None
    at, low = h.xs[best], smooth[best]
    own = look.log.held
    if own is not None and own.best is not None and own.best_x is not None and not h.score:
        at, low = own.best_x, own.best + h.lifted  # as the log has it, whatever its neighbours are
    then = value_at(t, at)
    words = f"{h.name} was {h.say(low)} at {where(look, at)} and is {h.say(h.end)} at the end, while {t.name} "
    return "overfitting", at, words + f"went on from {t.say(then)} to {t.say(t.end)}"


def _apart(look: Look, t: Shape, h: Shape) -> Verdict | None:
    k = look.limits
    gap = k.gap_score if t.score else k.gap * look.start
    if t.end > k.far * h.end or h.end - t.end < gap or len(h.values) < POINTS_MIN:
        return None
    early, late = h.means[: -max(len(h.means) // 3, 1)], h.means[-max(len(h.means) // 3, 1) :]
    if min(late) < 0.95 * min(early):
        return None  # it still improves
    at = since(h, lambda v: v < 1.05 * h.low)
    words = f"{t.name} ends at {t.say(t.end)}, {h.name} at {h.say(h.end)}, and has not improved since {where(look, at)}"
    return "overfitting", at, words


def _score_turn(look: Look, t: Shape, score: Shape) -> Verdict | None:
    """Judge a held-out score beside a training loss."""
    smooth = score.smooth()
    best = min(range(len(smooth)), key=lambda i: smooth[i])
    drop = score.end - smooth[best]
    k = look.limits
    if (
        drop < max(0.03, k.noises * score.noise)
        or len(smooth) - 1 - best < 2  # noqa: PLR2004 - one bad value is no turn
        or t.end > 0.97 * value_at(t, score.xs[best])
    ):
        return None
    name = look.log.held_score.name if look.log.held_score is not None else score.name
    words = f"{name} was best at {where(look, score.xs[best])} and has fallen by {drop:.3g} since, while {t.name} fell"
    return "overfitting", score.xs[best], words


def oscillating(look: Look) -> Verdict | None:
    """Tell whether late means swing widely and keep turning; of held-out values, by more than a small set does."""
    k = look.limits
    held = look.held if look.alike else None
    for shape, spread_min, share in ((look.train, k.spread, k.high), (held, k.spread_held, k.high_held)):
        if shape is None or len(shape.means) < 8 or shape.score:  # noqa: PLR2004 - too few parts to swing
            continue
        late = shape.late if len(shape.values) > FEW else shape.values[-round(LATE * len(shape.values)) :]
        spread, turns = swing(late)
        if spread > spread_min and turns >= k.turns and statistics.fmean(late) > share * level(look):
            at = shape.xs[len(shape.xs) * 3 // 5]
            low, high = shape.say(min(late)), shape.say(max(late))
            return "oscillating", at, f"{shape.name} swings between {low} and {high}"
    return None


def unfinished(look: Look) -> Verdict | None:
    """Tell whether the run was ended in the middle of its fall."""
    t, k = look.train, look.limits
    main = look.held if look.held is not None and look.alike else t
    if t is None or main is None or main.score or len(main.values) < POINTS_MIN:
        return None
    left = 0.0 if progress_left(look, t) == 0 else main.end / look.start
    if not k.far_to_go < left < k.poor:
        return None
    cut = max(len(main.values) // 5, 1)
    before, end = main.values[-cut - 1], main.values[-1]
    if cut > 2:  # noqa: PLR2004 - enough for means
        before, end = statistics.fmean(main.values[-2 * cut : -cut]), statistics.fmean(main.values[-cut:])
    fall = look.start - min(main.values)
    if before - end > max(k.steep * fall, k.noises * main.noise) and main.end <= 1.02 * min(main.means):
        fell = f"{main.name} went from {main.say(before)} to {main.say(end)}"
        words = f"{fell} in the last fifth of the run and had not slowed down"
        return "still-improving", main.xs[-1], words
    return None


def poor(look: Look) -> Verdict | None:
    """Tell whether both sides are fitted poorly, still falling or standing."""
    t, h, k = look.train, look.held, look.limits
    if t is None:
        return None
    left = progress_left(look, t)
    # Held-out losses have no noise of batches and dropout: where they are close, they say whether anything moves.
    steadier = h if h is not None and close(look, t, h) and len(h.values) >= FEW_MOVES else t
    stands = dead(look, k.dead) or (still(steadier, k.still) and not steady(steadier))
    most = k.poor_score if t.score else k.poor
    stands = stands or left > 1 - k.learned
    if left > most and not stands and h is not None and close(look, t, h):
        ends = f"{t.name} ends at {t.say(t.end)} and {h.name} at {h.say(h.end)}"
        words = f"{ends}, from {start_words(look, t)} at the start, and still improves"
        return "underfitting", t.xs[0], words
    if (left > (most if t.score else k.stuck) or (left > k.stuck_dead and dead(look, k.dead))) and stands:
        if left > 1 - k.moved_least:
            return "not-learning", t.xs[0], f"{t.name} begins at {start_words(look, t)} and stands at {t.say(t.end)}"
        at = _stopped(t)
        if h is not None and len(h.values) == len(t.values) and at <= t.xs[1]:
            return _at_once(look, t, left)
        words = (
            f"{t.name} has stood at {t.say(t.end)} since {where(look, at)}, from {start_words(look, t)} at the start"
        )
        return "plateau", at, words
    return None


def _at_once(look: Look, t: Shape, left: float) -> Verdict | None:
    """Judge a curve of means over epochs that fell between the first two of them only.

    How often each answer occurs is learned as fast, and is little; where it fell further, the first value is the mean
    over a fall whose beginning nobody saw, and says nothing about what is left.
    """
    if left < look.limits.frequencies:
        return None
    fell = f"{t.name} fell from {t.say(t.values[0])} to {t.say(t.end)} between its first two values and has stood since"
    return "not-learning", t.xs[0], f"{fell}, as it does when only the frequencies of the answers are learned"


def _stopped(t: Shape) -> float:
    """Return where the curve came within a twentieth of its whole fall from where it ended."""
    edge = t.end + max(0.05 * (t.start - t.end), t.noise)
    return since(t, lambda v: v < edge) or t.xs[0]
