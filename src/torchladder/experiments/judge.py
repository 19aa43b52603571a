"""Whether a batch was memorised: pass marks by loss, allowing for what no fit can remove.

A healthy loss does not always reach 0: smoothed or soft labels leave their entropy. Where a loss
has no known floor the verdict is open unless the curve speaks for itself.
"""

import math
from dataclasses import dataclass

from torchladder.core.facts import LossCallFact

NEAR_ZERO = 0.1  # nats above the floor; the ladder's usual pass mark for one batch
REGRESSION_PROGRESS = 0.9  # share of the target's variance explained on the one batch
ACCURATE_PROGRESS = 0.5  # with every sample right, this share of the way down is enough
STUCK_PROGRESS = 0.5  # at the end of the budget, less than half-way is not memorising
STEADY = 0.03  # relative fall between the last two fifths that counts as still falling
FREE_FALL = 0.5  # relative fall that counts as learning when no floor is known
FLAT = 0.01  # relative change below which a loss of unknown kind does not move
WINDOW = 5  # steps averaged before a value is compared
CLASSIFICATION = {"cross_entropy", "nll_loss"}
BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
REGRESSION = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}


@dataclass(frozen=True, slots=True)
class Scale:
    """What a loss is measured against, per element: ``floor`` of a perfect fit, ``chance`` of a blind one."""

    floor: float | None
    chance: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``passed`` is None when it cannot be told; ``final`` says that more steps would not change it."""

    passed: bool | None
    reason: str
    final: bool


def entropy_of_smoothing(smoothing: float, classes: int) -> float:
    """Return the cross-entropy, in nats, of a perfect fit to labels smoothed over ``classes``."""
    low = smoothing / classes
    high = 1 - smoothing + low
    return -(high * math.log(high) + (classes - 1) * low * math.log(low)) if low > 0 else 0.0


def binary_entropy(p: float) -> float:
    """Return the entropy, in nats, of a coin."""
    return 0.0 if p <= 0 or p >= 1 else -(p * math.log(p) + (1 - p) * math.log(1 - p))


def scale_of(call: LossCallFact | None) -> Scale:
    """Return the scale of a loss call from its first values."""
    if call is None or call.target is None or call.input is None:
        return Scale(None, None, "unknown")
    classes = call.n_outputs or 0
    if call.function in CLASSIFICATION and classes > 1:
        floor = entropy_of_smoothing(float(call.options.get("label_smoothing", 0.0) or 0.0), classes)
        if call.label_counts is None:  # probabilities as targets
            return Scale(None, math.log(classes), "soft")
        return Scale(floor, math.log(classes), "classes")
    if call.function in BINARY and call.target.mean is not None:
        hard = call.target.integral
        return Scale(0.0 if hard else None, math.log(2), "binary" if hard else "soft")
    if call.function in REGRESSION and call.target.std is not None:
        if call.target.std == 0:
            return Scale(0.0, 0.0, "constant")
        spread = call.target.std**2 if call.function == "mse_loss" else call.target.std
        return Scale(0.0, spread, "regression")
    return Scale(None, None, "unknown")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def judge(losses: list[float], scale: Scale, accuracy: float | None, budget: int) -> Verdict:
    """Return whether these losses, per element, show a memorised batch.

    Args:
        losses: One value a step, in order.
        scale: What they are measured against.
        accuracy: On the batch, for class indices, else None.
        budget: Steps after which stuck is stuck.
    """
    if len(losses) < WINDOW:
        return Verdict(None, f"only {len(losses)} steps were seen", final=False)
    if not all(math.isfinite(v) for v in losses):
        return Verdict(passed=False, reason="the loss is not finite", final=True)
    start, end = losses[0], _mean(losses[-WINDOW:])
    over = len(losses) >= budget
    if scale.floor is None:
        return _judge_freely(losses, start, end, accuracy, over=over)
    reference = min(start, scale.chance) if scale.chance else start
    progress = (reference - end) / max(reference - scale.floor, 1e-12)
    if scale.kind == "regression":
        done = progress >= REGRESSION_PROGRESS
    else:
        done = end - scale.floor < NEAR_ZERO or (accuracy == 1.0 and progress > ACCURATE_PROGRESS and over)
    if done:
        return Verdict(passed=True, reason=f"loss {start:.4g} -> {end:.4g}", final=True)
    if not over:
        return Verdict(None, "not yet", final=False)
    span = f"loss {start:.4g} -> {end:.4g}"
    if progress < STUCK_PROGRESS:
        return Verdict(passed=False, reason=span, final=not falling(losses))
    return Verdict(None, f"{span}: on its way, too slow to tell", final=False)


def falling(losses: list[float]) -> bool:
    """Tell whether the last fifth is clearly below the fifth before it."""
    n = max(len(losses) // 5, 1)
    last, before = _mean(losses[-n:]), _mean(losses[-2 * n : -n] or losses[:1])
    return before - last > STEADY * abs(before)


def _judge_freely(losses: list[float], start: float, end: float, accuracy: float | None, *, over: bool) -> Verdict:
    span = abs(start) or max(abs(v) for v in losses) or 1.0
    fall = (start - end) / span
    if accuracy == 1.0 or fall > FREE_FALL:
        return Verdict(passed=True, reason=f"loss {start:.4g} -> {end:.4g}", final=over)
    if not over:
        return Verdict(None, "not yet", final=False)
    if max(losses) - min(losses) < FLAT * span:
        return Verdict(passed=False, reason=f"the loss stays at {end:.4g}", final=True)
    return Verdict(None, f"loss {start:.4g} -> {end:.4g}; the floor of this loss is not known", final=True)
