"""The course of a run from its curves: what state it is in, since when, and by which figures.

One function for all rules of this family and for the line of the full run, so that they never contradict
each other. Loss falls; an accuracy rises; both are looked at where both are known.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import CurveFact, Facts, LossCallFact
from torchladder.rules.outcome.held_out import LIKELIHOODS, beats_blind, held_out

WINDOWS = 20  # windows a training curve is averaged into
LOST = 3  # losses at the end that are no numbers
STEPS_MIN = 40  # steps below which the course of a run is not judged
PASSES_MIN = 4  # held-out passes needed to speak of a turn
DIVERGED = 3.0  # times the first window's loss
FLAT = 0.02  # relative distance from the blind loss that counts as standing still
FLAT_STEPS = 200  # steps a run must have had for that
TURNED = 1.1  # the last held-out loss against the best one
RATIO = 0.5  # training loss below this share of the held-out one: a gap
SAME = 0.15  # relative distance within which both are alike
HIGH = 0.5  # of the way from start to floor not made: the fit is poor
STILL = 0.02  # relative change over the last two fifths that counts as none
SWING = 0.25  # spread of the last windows over their mean that counts as oscillation
GAME = 3  # times that another optimizer's own loss lay between two steps: a game of two has no course
TURNS = 0.5  # share of the late steps at which the direction changes


@dataclass(frozen=True, slots=True)
class Course:
    """The state of a run: "healthy", "overfitting", "underfitting", "not-learning", "diverged", "oscillating",
    "plateau", "below-baseline", "too-good", or "unknown" with the reason.

    Attributes:
        words: What was seen, for a line of the report.
        start, end: Training loss of the first and the last window.
        best_step: Optimizer step of the best held-out pass, None without passes.
    """  # noqa: D205 - a list of states is a sentence

    state: str
    words: str
    start: float | None = None
    end: float | None = None
    held_first: float | None = None
    held_best: float | None = None
    held_last: float | None = None
    accuracy: float | None = None
    best_step: int | None = None
    steps: int = 0


def main_curve(facts: Facts) -> CurveFact | None:
    """Return the curve of the phase with the most steps."""
    return max(facts.curves or (), key=lambda c: len(c.losses) * c.stride, default=None)


def windows(losses: Sequence[float]) -> list[float]:
    """Return the means of ``WINDOWS`` equal parts of a curve; non-finite values make their part non-finite."""
    n = max(len(losses) // WINDOWS, 1)
    return [sum(losses[i : i + n]) / len(losses[i : i + n]) for i in range(0, len(losses), n)]


def blind_loss(facts: Facts, phase: int) -> float | None:
    """Return the loss of the best answer that ignores the input, for losses whose value says it."""
    if not facts.loss_calls:
        return _blind_of_passes(facts, phase)
    call = next((c for c in facts.loss_calls or () if c.phase == phase and c.differentiated), None)
    counts: dict[str, int] = {}
    for c in facts.loss_calls or ():
        if c.phase == phase and c.label_counts:
            for label, n in c.label_counts.items():
                counts[label] = counts.get(label, 0) + n
    if call is None or not _is_plain(call):
        return None
    if counts and call.function in {"cross_entropy", "nll_loss"}:
        total = sum(counts.values())
        return -sum(n / total * math.log(n / total) for n in counts.values() if n)
    if call.function.startswith("binary_cross_entropy"):
        shares = _pooled(facts, phase)
        p = shares[0] if shares is not None and call.target is not None and call.target.integral else 0.0
        return -(p * math.log(p) + (1 - p) * math.log(1 - p)) if 0 < p < 1 else None
    if call.function == "mse_loss":
        values = _pooled(facts, phase)
        return values[1] or None if values is not None else None
    return None


def _blind_of_passes(facts: Facts, phase: int) -> float | None:
    """Return the same from held-out labels, where nobody saw how the training loss was computed.

    It holds for the training loss only if both losses are on one scale: early on, before any fit to the training
    samples, they must be alike.
    """
    curve = next((c for c in facts.curves or () if c.phase == phase), None)
    held = [e for e in held_out(facts.evaluations or ()) if e.blind and e.loss_function in LIKELIHOODS]
    first = next((e for e in held if e.loss is not None and e.kind in {"classes", "binary"}), None)
    if curve is None or first is None or first.loss is None or not curve.losses:
        return None
    end = max(min(first.step // curve.stride, len(curve.losses)), 1)
    around = curve.losses[max(end - max(len(curve.losses) // WINDOWS, 1), 0) : end]
    alike = abs(statistics.fmean(around) - first.loss) < SAME * first.loss
    return held[-1].blind if alike else None


def _pooled(facts: Facts, phase: int) -> tuple[float, float] | None:
    """Return mean and variance of the targets over all loss calls of a phase that were seen."""
    rows = [c.target for c in facts.loss_calls or () if c.phase == phase and c.differentiated and c.target is not None]
    known = [(t.mean, t.std) for t in rows if t.mean is not None and t.std is not None]
    if not known:
        return None
    means = [m for m, _ in known]
    return statistics.fmean(means), statistics.fmean(s**2 for _, s in known) + statistics.pvariance(means)


def stage(held: Sequence[EvaluationFact]) -> int:
    """Return the step at which the last loss function took over from another: the curve before it is about that."""
    known = [e for e in held if e.train_function is not None]
    return max((e.step for e in known if e.train_function != known[-1].train_function), default=0)


def _is_plain(call: LossCallFact) -> bool:
    """Tell whether the differentiated value is this loss itself, unweighted and unsmoothed."""
    options = call.options
    odd = options.get("weight") or options.get("label_smoothing") or options.get("reduction", "mean") != "mean"
    return not odd


def course(facts: Facts) -> Course:
    """Return the state of the run that the facts describe."""
    curve = main_curve(facts)
    held = held_out(facts.evaluations or ())
    begun = stage(held)
    if curve is not None and begun:
        at = begun // curve.stride
        curve = dataclasses.replace(curve, losses=curve.losses[at:], lrs=curve.lrs[at:])
        held = tuple(e for e in held if e.step > begun)
    if curve is not None and _is_lost(curve.losses):
        made = Course("diverged", "", curve.losses[0], curve.losses[-1], steps=len(curve.losses) * curve.stride)
        lost = next(i for i, v in enumerate(curve.losses) if not math.isfinite(v)) * curve.stride
        return dataclasses.replace(made, words=f"the training loss is no number from step {lost:,} on")
    if curve is None or len(curve.losses) < STEPS_MIN:
        return Course("unknown", "too few steps to judge its course", steps=len(curve.losses) if curve else 0)
    means = windows(curve.losses)
    made = _described(means, held, len(curve.losses) * curve.stride)
    if not all(math.isfinite(v) for v in means[-2:]) or _grew(means):
        return _named(made, "diverged", f"the training loss went from {_n(means[0])} to {_n(means[-1])}")
    if any(t.phase == curve.phase and t.turns >= GAME for t in facts.trials or ()):
        return _named(made, "unknown", "several optimizers take turns, each with a loss of its own")
    return _learned(facts, curve, means, held, made)


def _is_lost(losses: Sequence[float]) -> bool:
    """Tell whether a loss ended in NaN or Inf and stayed there."""
    return len(losses) >= LOST and not any(math.isfinite(v) for v in losses[-LOST:])


def _learned(
    facts: Facts, curve: CurveFact, means: list[float], held: tuple[EvaluationFact, ...], made: Course
) -> Course:
    blind = blind_loss(facts, curve.phase)
    stuck = blind is not None and min(means) > (1 - FLAT) * blind and len(curve.losses) >= FLAT_STEPS
    if blind is not None and stuck and 2 * sum(beats_blind(e) is True for e in held) <= len(held):
        return _named(
            made, "not-learning", f"the training loss stays at {_n(means[-1])}; blind guessing costs {_n(blind)}"
        )
    if _turned(held, means):
        return _named(made, "overfitting", _turn_words(held))
    late = means[-len(means) * 2 // 5 :]
    if _swings(curve.losses, late):
        return _named(made, "oscillating", f"the training loss swings between {_n(min(late))} and {_n(max(late))}")
    floor = 0.0
    reference = min(means[0], blind) if blind else means[0]
    progress = (reference - means[-1]) / max(reference - floor, 1e-12)
    still = abs(late[0] - late[-1]) < STILL * abs(late[0])
    close = made.held_last is not None and abs(made.held_last - means[-1]) < SAME * max(abs(means[-1]), 1e-12)
    if blind is not None and progress < HIGH and close:
        return _named(
            made,
            "underfitting",
            f"training and held-out loss both end at {_n(means[-1])}; blind guessing costs {_n(blind)}",
        )
    if blind is not None and progress < HIGH and still:
        return _named(made, "plateau", f"the training loss stands at {_n(means[-1])}; blind guessing costs {_n(blind)}")
    return _named(made, "healthy", made.words)


def _described(means: list[float], held: tuple[EvaluationFact, ...], steps: int) -> Course:
    losses = [e.loss for e in held if e.loss is not None]
    scores = [e.accuracy for e in held if e.accuracy is not None]
    words = f"training loss {_n(means[0])} -> {_n(means[-1])}"
    best = None
    if losses:
        best = min((e for e in held if e.loss is not None), key=lambda e: e.loss or 0.0)
        words += f", held-out {_n(losses[0])} -> {_n(losses[-1])}"
    if scores:
        words += f" ({scores[-1]:.1%} right)"
        best = best or max((e for e in held if e.accuracy is not None), key=lambda e: e.accuracy or 0.0)
    return Course(
        "unknown",
        words,
        means[0],
        means[-1],
        losses[0] if losses else None,
        min(losses, default=None),
        losses[-1] if losses else None,
        scores[-1] if scores else None,
        best.step if best is not None else None,
        steps,
    )


def _named(made: Course, state: str, words: str) -> Course:
    return Course(
        state, words, made.start, made.end, made.held_first, made.held_best, made.held_last, made.accuracy,
        made.best_step, made.steps,
    )  # fmt: skip


def _grew(means: list[float]) -> bool:
    """Tell whether a loss that can be compared with its start ended far above it."""
    return means[0] > 0 and means[-1] > DIVERGED * means[0] and means[-1] > DIVERGED * min(means)


def _turned(held: tuple[EvaluationFact, ...], means: list[float]) -> bool:
    """Tell whether the held-out loss rose again while the training loss went on falling."""
    losses = [e.loss for e in held if e.loss is not None]
    if len(losses) < PASSES_MIN:
        return False
    best = min(range(len(losses)), key=lambda i: losses[i])
    after = len(losses) - 1 - best
    rose = losses[-1] > TURNED * losses[best] and after >= 2  # noqa: PLR2004 - one bad pass is no turn
    return rose and means[-1] < RATIO * losses[-1]


def _turn_words(held: tuple[EvaluationFact, ...]) -> str:
    losses = [(e.loss, e.step) for e in held if e.loss is not None]
    best, step = min(losses)
    last = _n(losses[-1][0])
    return f"the held-out loss was {_n(best)} at step {step:,} and is {last} at the end, while training goes on falling"


def _swings(losses: Sequence[float], late: list[float]) -> bool:
    """Tell whether the late windows swing widely and keep turning, which a noisy batch does not do to means."""
    if len(late) < PASSES_MIN or not all(math.isfinite(v) for v in late):
        return False
    steps = [b - a for a, b in pairwise(late)]
    turns = sum(a * b < 0 for a, b in pairwise(steps)) / max(len(steps) - 1, 1)
    spread = statistics.pstdev(late) / max(abs(statistics.fmean(late)), 1e-12)
    high = statistics.fmean(late) > 0.2 * max(windows(losses)[0], 1e-12)
    return spread > SWING and turns >= TURNS and high


def _n(value: float) -> str:
    return f"{value:.3g}"
