"""Weight decay pulls harder than the gradient.

## What is wrong
The decay term is as large as the gradient, or larger, from the first steps on.

## Why it hurts
Each step shrinks the weights more than it teaches them. They settle near zero, and the model answers
the same for every input.

## How it is found
Before each of the first steps the decay term is compared with the gradient (with the whole step, for
optimizers that decay apart from the gradient, as AdamW does). If it is of the same size and one batch
cannot be fitted, the batch is tried again with a tenth, a hundredth and none of the decay: fitted then,
and only then, this is the cause.

## What to do
Divide the weight decay by ten until one batch can be fitted; 1e-4 to 1e-2 (AdamW: to 0.1) is usual.

## When it is a false alarm
Late in training decay and gradient balance each other in any healthy run; only the first steps count,
and only a batch that is fitted without the decay and not with it proves the case.

## Sources
Decoupled weight decay: https://arxiv.org/abs/1711.05101
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Standing
from torchladder.rules.loop.trials import base_trial
from torchladder.rules.registry import Plant, limit, rule

FACTORS = (0.1, 0.01, 0.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Which decay is worth an experiment."""

    ratio: float = limit(0.3, unit="|decay| / |gradient|", why="usual decay is a hundredth of the first gradients")
    shrink: float = limit(3e-3, unit="share of the weights a step", why="in 200 steps it halves them")


@rule(
    "TL411",
    rung=3,
    severity=Severity.ERROR,
    needs=("decays", "trials"),
    limits=Limits,
    explains=("TL220", "TL221", "TL401", "TL402"),
    plants=(
        Plant("digits_schedule", "weight_decay=1e-4", "weight_decay=0.3"),
        Plant("tiny_lm", "weight_decay=0.01", "weight_decay=100.0"),
    ),
    near_misses=(
        Plant("digits_schedule", "weight_decay=1e-4", "weight_decay=2e-3"),
        Plant("tiny_lm", "weight_decay=0.01", "weight_decay=0.3"),
    ),
)
def weight_decay_too_high(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one suspicion for each optimizer whose decay is of the gradient's size."""
    for row in facts.decays or ():
        base = base_trial(facts, row.phase)
        optimizer = next((o for o in facts.optimizers or () if o.phase == row.phase), None)
        if base is None or base.passed or not row.ratios:
            continue
        ratio = statistics.median(row.ratios)
        if ratio < limits.ratio and not (row.decoupled and row.shrink >= limits.shrink):
            continue
        yield weight_decay_too_high.finding(
            f"with weight decay {row.weight_decay:g} one batch is not fitted",
            where=_where(optimizer),
            seen=(
                Measurement(
                    "decay beside the whole step" if row.decoupled else "decay term over gradient, first steps",
                    float(f"{ratio:.2g}"),
                    expected="about 0.01",
                ),
                Measurement("norm of the weights, last over first", round(row.weight_last / row.weight_first, 3)),
            ),
            fixes=tuple(
                Fix(
                    f"lower the weight decay to {row.weight_decay * factor:g}",
                    change=Change(
                        "set_option",
                        {
                            "phase": row.phase,
                            "option": "weight_decay",
                            "factor": factor,
                            "was": row.weight_decay,
                        },
                    ),
                )
                for factor in FACTORS
            ),
            standing=Standing.SUSPECTED,
            phase=row.phase,
        )


def _where(optimizer: OptimizerFact | None) -> tuple[Place, ...]:
    return (optimizer.created,) if optimizer is not None and optimizer.created is not None else ()
