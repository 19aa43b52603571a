"""The learning rate is too large for the loss to fall.

## What is wrong
Each step moves the weights further than the gradient holds good for.

## Why it hurts
The loss grows, leaps about or becomes NaN; units die, and what was learned is lost again. Where it
still falls, it falls to a poor place.

## How it is found
The program is trained on one batch for ever. If it cannot fit it, and its loss leaps, or the
updates are large beside the weights, the same run is made with a tenth, a hundredth and a
thousandth of the learning rate: fitted then, and only then, this is the cause. In a watched run: most weight
matrices have grown fivefold by large steps, and the loss is no lower than it was at first.

## What to do
Use the largest tenth at which the batch is fitted; warm up, or clip, if a larger one is wanted.

## When it is a false alarm
Warm-up and one-cycle schedules peak on purpose; zero-initialised tensors have an infinite first
relative update; losses without a lower bound (critics, policy gradients) may grow; dropout and
sampled noise make a loss jump at any rate. All of them are decided by the experiment, not by looks.

## Sources
Cyclical learning rates, range test: Smith, https://arxiv.org/abs/1506.01186
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact, TrialFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_trial, diverged, falls_smoothly, last_loss
from torchladder.rules.registry import Plant, limit, rule

FACTORS = (0.1, 0.01, 0.001)
TAIL = 40  # losses of a watched run below which its course is not known
BELOW = 0.3  # of the first loss, beneath zero


@dataclass(frozen=True, slots=True)
class Limits:
    """Which updates make the suspicion worth an experiment."""

    large_update: float = limit(3e-2, unit="|update| / |weight| a step", why="ten times what trains well in practice")
    small_update: float = limit(1e-4, unit="|update| / |weight| a step", why="too small to overshoot anything")
    steps: float = limit(40, unit="steps", why="of a run that is watched: the first ones may be a warm-up's")
    grown: float = limit(5, unit="times the first norm", why="weights that were drawn soundly hardly double")
    matrices: float = limit(0.5, unit="share of the weight matrices", why="one embedding may grow by itself")
    fallen: float = limit(0.9, unit="of the first loss", why="weights may grow where that brings the loss down")


@rule(
    "TL401",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers", "trials"),
    limits=Limits,
    explains=("TL102", "TL209", "TL210", "TL212", "TL220", "TL221", "TL306", "TL307"),
    plants=(
        Plant("digits_mlp", "lr=2e-3", "lr=2.0"),
        Plant("tiny_lm", "lr=3e-3", "lr=1.0"),
    ),
    near_misses=(
        Plant("digits_mlp", "lr=2e-3", "lr=8e-3"),
        Plant(
            "digits_mlp",
            "torch.optim.Adam(model.parameters(), lr=2e-3)",
            "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)",
        ),
    ),
)
def lr_too_high(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one suspicion for each optimizer whose steps look too long for its batch."""
    for optimizer in facts.optimizers or ():
        base = base_trial(facts, optimizer.phase)
        if base is None:
            yield from _runaway(facts, optimizer, limits)
        if base is None or base.passed or optimizer.lr_max <= 0 or optimizer.n_reached == 0 or _bottomless(base):
            continue
        curves = [c.losses for c in facts.curves or () if c.phase == optimizer.phase]
        if not _plausible(optimizer, [base.losses, *curves], limits, judged=base.passed is False):
            continue
        yield lr_too_high.finding(
            _message(optimizer, base.losses),
            where=(optimizer.created,) if optimizer.created else (),
            seen=_seen(optimizer, base.losses),
            fixes=tuple(
                Fix(
                    f"lower the learning rate to {optimizer.lr_max * factor:.3g}",
                    change=Change("scale_lr", {"phase": optimizer.phase, "factor": factor}),
                )
                for factor in FACTORS
            ),
            standing=Standing.SUSPECTED,
            phase=optimizer.phase,
        )


def _runaway(facts: Facts, optimizer: OptimizerFact, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where the weights of a watched run grow without bound and the loss is none the better for it."""
    losses = next((c.losses for c in facts.curves or () if c.phase == optimizer.phase), ())
    held = [
        p for p in facts.parameters or () if p.phase == optimizer.phase and len(p.shape) > 1 and p.grown is not None
    ]
    wild = [p for p in held if (p.grown or 0) >= limits.grown and (p.update_ratio or 0) >= limits.large_update / 3]
    if optimizer.steps < limits.steps or not held or len(wild) < limits.matrices * len(held) or len(losses) < TAIL:
        return
    early, late = losses[0], statistics.median(losses[-TAIL // 4 :])
    if not math.isfinite(early) or (math.isfinite(late) and late < limits.fallen * early):
        return
    worst = max(wild, key=lambda p: p.grown or 0)
    yield lr_too_high.finding(
        f"at learning rate {optimizer.lr_max:.3g} the weights run away, and the loss does not fall",
        severity=Severity.WARNING,
        where=(optimizer.created,) if optimizer.created else optimizer.step_places[:1],
        module=worst.name,
        seen=(
            Measurement(f"norm of `{worst.name}` over its first", float(f"{worst.grown:.3g}"), expected="about 1"),
            Measurement("weight matrices that grew so", len(wild), f"of {len(held)}", 0),
            Measurement("loss of the last steps", float(f"{late:.4g}"), expected=f"< {early:.4g}"),
        ),
        fixes=(Fix(f"lower the learning rate, to {optimizer.lr_max / 10:.3g} first"),),
        phase=optimizer.phase,
    )


def _bottomless(base: TrialFact) -> bool:
    """Return whether a loss of unknown floor fell well below zero: a density fitted to points, which leaps at last."""
    finite = [v for v in base.losses if math.isfinite(v)]
    return base.floor is None and bool(finite) and finite[0] > 0 and min(finite) < -BELOW * finite[0]


def _plausible(optimizer: OptimizerFact, curves: Sequence[Sequence[float]], limits: Limits, *, judged: bool) -> bool:
    """Return whether the loss leaps, or the updates are too large to rule the suspicion out."""
    if any(diverged(losses) for losses in curves):
        return True
    ratio = optimizer.update_ratio
    if ratio is not None and (ratio >= limits.large_update or not math.isfinite(ratio)):
        return True
    small = ratio is not None and ratio < limits.small_update
    return judged and not small and not falls_smoothly(curves[0])


def _message(optimizer: OptimizerFact, losses: Sequence[float]) -> str:
    """Return what one batch's loss does at this learning rate."""
    if not losses:
        return f"one batch is not fitted at learning rate {optimizer.lr_max:.3g}"
    start, end = losses[0], last_loss(losses)
    path = f"from {start:.3g} to {end:.3g} in {len(losses)} steps"
    return f"at learning rate {optimizer.lr_max:.3g} the loss on one batch goes {path}"


def _seen(optimizer: OptimizerFact, losses: Sequence[float]) -> tuple[Measurement, ...]:
    """Return the largest loss on the way and the size of the updates."""
    seen = []
    finite = [value for value in losses if math.isfinite(value)]
    if finite:
        start = float(f"{finite[0]:.4g}")
        what = "largest finite loss on the same batch"
        seen.append(Measurement(what, float(f"{max(finite):.4g}"), expected=f"<= {start}"))
    if optimizer.update_ratio is not None:
        value = float(f"{optimizer.update_ratio:.3g}")
        seen.append(Measurement("median |update| / |weight| a step", value, expected="about 1e-3"))
    return tuple(seen)
