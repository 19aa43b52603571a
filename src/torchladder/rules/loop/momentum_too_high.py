"""Momentum so large that the optimizer overshoots for hundreds of steps.

## What is wrong
With momentum b each step is the sum of about 1 / (1 - b) gradients: ten at 0.9, a thousand at 0.999.

## Why it hurts
The weights run on long after the gradient has turned. The loss swings up and down or flies off, and
with plain SGD the learning rate is in effect 1 / (1 - b) times what is written.

## How it is found
The program is trained on one batch for ever. If it cannot fit it and momentum is above 0.97, the same
run is made with 0.9: fitted then, and only then, this is the cause. If it can, but the program's own
loss has come up again well above where it was, its first steps are made again with 0.9.

## What to do
Use 0.9, or lower the learning rate by as much as the momentum raises it.

## When it is a false alarm
Large batches and averaged weights go with 0.95 and more; Adam's second beta is no momentum. It is the
experiment that decides.

## Sources
Why momentum really works: https://distill.pub/2017/momentum/
"""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_trial
from torchladder.rules.registry import Plant, limit, rule

USUAL = 0.9
PARTS = 20
FALLEN = 0.3  # of the first loss: what is below has been learned all the same


@dataclass(frozen=True, slots=True)
class Limits:
    """Which momentum is worth an experiment."""

    momentum: float = limit(0.97, unit="momentum", why="0.95 trains well with large batches")
    back: float = limit(1.5, unit="last quarter's loss over the lowest twentieth's", why="noise alone gives 1.3")
    steps: float = limit(100, unit="steps", why="the mean of fewer than five steps says little")


@rule(
    "TL412",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers", "trials"),
    limits=Limits,
    explains=("TL401", "TL402", "TL220", "TL221"),
    plants=(
        Plant("tabular", "momentum=0.9", "momentum=0.999"),
        Plant("tabular", "momentum=0.9", "momentum=0.999, nesterov=True"),
    ),
    near_misses=(
        Plant("tabular", "momentum=0.9", "momentum=0.95"),
        Plant("digits_mlp", "lr=2e-3)", "lr=2e-3, betas=(0.9, 0.9999))"),
    ),
)
def momentum_too_high(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one suspicion for each optimizer with unusual momentum whose batch is not fitted."""
    for optimizer in facts.optimizers or ():
        option, value = _momentum(optimizer)
        base = base_trial(facts, optimizer.phase)
        if value < limits.momentum or base is None:
            continue
        back = _comes_back(facts, optimizer.phase, limits) if base.passed else None
        if base.passed and back is None:
            continue
        told = f"the loss comes back up to {back:.1f} times its lowest" if back else "one batch is not fitted"
        yield momentum_too_high.finding(
            f"with momentum {value:g} {told}",
            severity=Severity.WARNING if back else Severity.ERROR,
            where=(optimizer.created,) if optimizer.created else (),
            seen=(Measurement("gradients that one step adds up", round(1 / max(1 - value, 1e-6)), expected=10),),
            fixes=(
                Fix(
                    f"lower the momentum to {USUAL}",
                    change=Change(
                        "set_option", {"phase": optimizer.phase, "option": option, "value": USUAL, "was": value}
                    ),
                ),
            ),
            standing=Standing.PROVEN if back else Standing.SUSPECTED,
            phase=optimizer.phase,
        )


def _comes_back(facts: Facts, phase: int, limits: Limits) -> float | None:
    """Return by how much the end of a run is above its lowest part, None when it is not well above."""
    losses = next((c.losses for c in facts.curves or () if c.phase == phase), ())
    n = len(losses)
    if n < limits.steps or min(losses) < 0 or not all(math.isfinite(v) for v in losses):
        return None
    parts = [statistics.fmean(losses[i * n // PARTS : (i + 1) * n // PARTS]) for i in range(PARTS)]
    back = statistics.fmean(parts[-PARTS // 4 :]) / max(min(parts), 1e-12)
    # a loss that has come down for good may double in its noise
    return back if back >= limits.back and parts[-1] > FALLEN * parts[0] else None


def _momentum(optimizer: OptimizerFact) -> tuple[str, float]:
    """Return the name and the largest value of an optimizer's momentum."""
    plain = max((float(g.get("momentum") or 0.0) for g in optimizer.groups), default=0.0)
    if plain > 0:
        return "momentum", plain
    firsts = [float(g["betas"][0]) for g in optimizer.groups if g.get("betas")]
    return "betas", max(firsts, default=0.0)
