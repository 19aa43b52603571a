"""The run ends while its loss still falls steadily.

## What is wrong
The last part of the run improved the loss about as fast as the part before it.

## Why it hurts
What the model could have learned with more of the same was not waited for.

## How it is found
The whole run is seen to its own end. Its losses are averaged in fifths; each of the last three is
clearly below the one before, and the last fall is not much smaller than those before it.

## What to do
Train longer, with a schedule as long as the run.

## When it is a false alarm
It is a remark only: short runs are often meant to be short. Runs cut short by torchladder, noisy ends
and learning rates that were still rising are passed over.

## Sources
Scaling of loss with training time: https://arxiv.org/abs/2203.15556
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule

PARTS = 5
LAST = 4  # parts of which each must be below the one before


@dataclass(frozen=True, slots=True)
class Limits:
    """What falling steadily means."""

    steps: float = limit(100, unit="steps", why="fewer make no fifths worth comparing")
    fall: float = limit(0.05, unit="share of the fifth before", why="a plateau falls by less")
    lasting: float = limit(0.3, unit="share of the median fall before", why="a curve that flattens has had its time")
    left: float = limit(0.1, unit="share of the first loss", why="below it there is little left to learn")


@rule(
    "TL416",
    rung=4,
    severity=Severity.NOTE,
    needs=("curves", "program"),
    limits=Limits,
    plants=(
        Plant("tabular", "for epoch in range(12)", "for epoch in range(2)"),
        Plant("regression", "epochs = 20", "epochs = 2"),
    ),
    near_misses=(
        Plant("regression", "epochs = 20", "epochs = 30"),
        Plant("digits_mlp", "for epoch in range(12)", "for epoch in range(15)"),
    ),
)
def training_too_short(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one remark for a single-phase run that ended while its loss fell."""
    program = facts.program
    if program is None or program.state != "ended" or _cut(facts) or len(facts.curves or ()) != 1:
        return
    for curve in facts.curves or ():
        losses = [v for v in curve.losses if math.isfinite(v)]
        if len(losses) < limits.steps or losses[0] <= 0:
            continue
        parts = _parts(losses)
        falls = [a - b for a, b in pairwise(parts[-LAST:])]
        steady = all(f > limits.fall * a for f, a in zip(falls, parts[-LAST:], strict=False))
        if not steady or falls[-1] < limits.lasting * statistics.median(falls) or parts[-1] < limits.left * parts[0]:
            continue
        share = falls[-1] / parts[-2]
        yield training_too_short.finding(
            f"the loss still falls at the end of the run, by {share:.0%} in the last fifth of it",
            seen=(Measurement("mean loss of the last fifth", round(parts[-1], 4), expected=f"{parts[-2]:.4g} before"),),
            fixes=(Fix("train longer"),),
            phase=curve.phase,
        )


def _parts(losses: Sequence[float]) -> list[float]:
    n = len(losses)
    return [statistics.fmean(losses[i * n // PARTS : (i + 1) * n // PARTS]) for i in range(PARTS)]


def _cut(facts: Facts) -> bool:
    """Return whether a pass over the training data was cut short, by torchladder or by a loop of its own."""
    return any(
        x.role == "train" and x.n_batches is not None and x.served < x.n_batches * x.iters for x in facts.loaders or ()
    )
