"""The learning rate is too small for the loss to move.

## What is wrong
Each step changes the weights by next to nothing.

## Why it hurts
The loss falls evenly, but so slowly that the run ends before anything is learned. It looks like a
model that cannot learn.

## How it is found
The program is trained on one batch for ever. If it cannot fit it although the loss falls smoothly
or the updates are tiny beside the weights, the same run is made with ten, a hundred and a thousand
times the learning rate: fitted then, and only then, this is the cause. In a watched run: gradients arrive, the
rate is constant, and over a hundred steps no weight has changed at all.

## What to do
Use the learning rate at which the batch is fitted.

## When it is a false alarm
Fine-tuning of pretrained models runs at small rates on purpose; a long warm-up has not arrived at
its rate within the experiment; layer-wise rates and sign optimizers move evenly by design. A loss
that falls slowly for want of capacity or gradient is not fitted at a larger rate either.

## Sources
Ratio of updates to weights, about 1e-3: https://cs231n.github.io/neural-networks-3/#ratio
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact, TrialFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_trial, diverged, last_loss, rate_factors
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """Which updates make the suspicion worth an experiment."""

    small_update: float = limit(1e-4, unit="|update| / |weight| a step", why="a tenth of what trains well in practice")
    fine_tuning: float = limit(1e-6, unit="|update| / |weight| a step", why="fine-tuning at 1e-5 moves more than that")
    small_progress: float = limit(
        0.1, unit="share of the first loss", why="slower networks still learn more in 200 steps"
    )
    warm_up: float = limit(0.5, unit="fraction of the base rate", why="below it a schedule is still on its way up")
    steps: float = limit(100, unit="steps", why="of a run that is watched: an optimizer may collect some first")
    looks: float = limit(10, unit="steps looked at", why="at which no weight changed")
    small: float = limit(64, unit="elements", why="of larger tensors a part is looked at, which may be left out")


@rule(
    "TL402",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers", "trials"),
    limits=Limits,
    explains=("TL220", "TL221", "TL416"),
    plants=(
        Plant("digits_mlp", "lr=2e-3", "lr=2e-7"),
        Plant("tiny_lm", "lr=3e-3", "lr=1e-7"),
    ),
    near_misses=(
        Plant("digits_mlp", "lr=2e-3", "lr=1e-3"),
        Plant("finetune", "epochs=8, lr=3e-3", "epochs=8, lr=1e-3"),
    ),
)
def lr_too_low(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one suspicion for each optimizer whose steps look too short for its batch."""
    for optimizer in facts.optimizers or ():
        base = base_trial(facts, optimizer.phase)
        if base is None and _still(facts, optimizer, limits):
            yield _lost(optimizer)
        if base is None or base.passed is not False or not base.losses:
            continue
        if not _plausible(facts, optimizer, base, limits):
            continue
        start, end = base.losses[0], last_loss(base.losses)
        path = f"from {start:.4g} to {end:.4g} in {len(base.losses)} steps"
        seen: tuple[Measurement, ...] = ()
        if optimizer.update_ratio is not None:
            value = float(f"{optimizer.update_ratio:.3g}")
            what = "median |update| / |weight| a step"
            seen = (Measurement(what, value, expected="about 1e-3"),)
        yield lr_too_low.finding(
            f"at learning rate {optimizer.lr_max:.3g} the loss on one batch goes only {path}",
            where=(optimizer.created,) if optimizer.created else (),
            seen=seen,
            fixes=tuple(
                Fix(
                    f"raise the learning rate to {optimizer.lr_max * factor:.3g}",
                    change=Change("scale_lr", {"phase": optimizer.phase, "factor": factor}),
                )
                for factor in rate_factors(optimizer.update_ratio, up=True)
            ),
            standing=Standing.SUSPECTED,
            phase=optimizer.phase,
        )


def _still(facts: Facts, optimizer: OptimizerFact, limits: Limits) -> bool:
    """Return whether no look over a run saw any weight change, although gradients arrive at a constant rate above 0."""
    if optimizer.steps < limits.steps or optimizer.dense_steps < limits.looks or optimizer.scheduled:
        return False
    held = [p for p in facts.parameters or () if p.phase == optimizer.phase and p.in_optimizer and p.grad_norm]
    whole = any(math.prod(p.shape) <= limits.small for p in held)
    return optimizer.lr_max > 0 and whole and all(p.changed is False for p in held)


def _lost(optimizer: OptimizerFact) -> Finding:
    """Return the finding about updates that rounding swallows."""
    return lr_too_low.finding(
        f"at learning rate {optimizer.lr_max:.3g} no step changes a weight",
        severity=Severity.WARNING,
        where=(optimizer.created,) if optimizer.created else optimizer.step_places[:1],
        seen=(
            Measurement("steps looked at in which any weight changed", 0, expected=optimizer.dense_steps),
            Measurement("steps", optimizer.steps),
        ),
        notes=("an update far below the weights is lost to rounding",),
        fixes=(Fix("raise the learning rate"),),
        phase=optimizer.phase,
    )


def _plausible(facts: Facts, optimizer: OptimizerFact, base: TrialFact, limits: Limits) -> bool:
    """Return whether gradients arrive, nothing leaps, and the weights hardly move."""
    gradless = 0 < optimizer.dense_steps == optimizer.gradless_steps
    if optimizer.lr_max <= 0 or optimizer.n_reached == 0 or gradless or diverged(base.losses):
        return False
    if _warming_up(optimizer, limits):
        return False
    ratio = optimizer.update_ratio
    if any(r.pretrained and r.phase == optimizer.phase for r in facts.roots or ()):
        return ratio is not None and ratio < limits.fine_tuning
    moved = abs(base.losses[0] - last_loss(base.losses)) >= limits.small_progress * abs(base.losses[0])
    return not moved and ratio is not None and ratio <= limits.small_update


def _warming_up(optimizer: OptimizerFact, limits: Limits) -> bool:
    """Return whether a schedule has not yet come near the rate it was built with."""
    base_rates = [group.get("initial_lr") or 0.0 for group in optimizer.groups]
    return optimizer.scheduled and optimizer.lr_max < limits.warm_up * max(base_rates, default=0.0)
