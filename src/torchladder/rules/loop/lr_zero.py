"""The learning rate is zero at every step.

## What is wrong
All parameter groups have a learning rate of 0, set so or scheduled so.

## Why it hurts
Every step multiplies the update by zero. The weights never change.

## How it is found
The learning rate of every group is read at each step of the optimizer; the largest one seen is 0.

## What to do
Set a learning rate; for a schedule, look at what its function returns for the first epochs.

## When it is a false alarm
The first step of a warm-up from zero, and a first epoch at zero of a schedule by epoch when only
the start of the run was seen; groups kept at zero beside others that train.

## Sources
LambdaLR multiplies the base rate: https://pytorch.org/docs/stable/optim.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule

USUAL_LR = 1e-3
USUAL_SGD_LR = 1e-2


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a rate of zero must last."""

    min_steps: float = limit(3, unit="steps", why="a warm-up may begin at zero")
    most: float = limit(0.5, unit="share of the steps seen", why="a decay ends at zero, it does not stay there")
    min_scheduled_steps: float = limit(100, unit="steps", why="a schedule by epoch may begin at zero for an epoch")


@rule(
    "TL403",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers",),
    limits=Limits,
    explains=("TL220", "TL221", "TL402", "TL405"),
    plants=(
        Plant("digits_mlp", "lr=2e-3", "lr=0.0"),
        Plant(
            "digits_mlp",
            "def evaluate(loader):",
            "warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: epoch // 1000)\n\n\n"
            "def evaluate(loader):",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "torch.optim.Adam(model.parameters(), lr=2e-3)",
            'torch.optim.Adam([{"params": model.fc1.parameters(), "lr": 0.0},'
            ' {"params": [*model.fc2.parameters(), *model.head.parameters()]}], lr=2e-3)',
        ),
        Plant(
            "digits_mlp",
            "        optimizer.step()\n",
            '        optimizer.step()\n        optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, (epoch + 1) / 2)\n',
        ),
    ),
)
def lr_zero(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose every step had a learning rate of zero."""
    for optimizer in facts.optimizers or ():
        n_zero = optimizer.steps if optimizer.lr_max == 0 else _steps_at_zero(facts, optimizer, limits)
        if n_zero == 0 or not _long_enough(facts, optimizer, limits):
            continue
        lr = USUAL_SGD_LR if optimizer.type == "SGD" else USUAL_LR
        rates = [float(group["initial_lr"]) for group in optimizer.groups if group.get("initial_lr")]
        lr = max(rates, default=lr)
        cause = "scheduled to" if rates else "set to"
        yield lr_zero.finding(
            f"the learning rate is {cause} 0 at {_share(n_zero, optimizer.steps)} steps",
            where=tuple(dict.fromkeys(p for p in (*optimizer.schedule_places, optimizer.created) if p)),
            seen=(Measurement("steps with every group at a learning rate of 0", n_zero, expected=0),),
            fixes=(
                Fix(
                    f"give it a working learning rate, such as {lr:g}",
                    change=Change("set_lr", {"phase": optimizer.phase, "lr": lr}),
                ),
            ),
            phase=optimizer.phase,
        )


def _steps_at_zero(facts: Facts, optimizer: OptimizerFact, limits: Limits) -> int:
    """Return how many steps in a row, up to the last one seen, ran at zero; 0 when they are not most of all."""
    rates = next((c.lrs for c in facts.curves or () if c.phase == optimizer.phase), ())
    n = next((i for i, rate in enumerate(reversed(rates)) if rate != 0), len(rates))
    return n if rates and n >= limits.most * len(rates) else 0


def _share(n: int, steps: int) -> str:
    return f"each of {n}" if n >= steps else f"{n} of {steps}"


def _long_enough(facts: Facts, optimizer: OptimizerFact, limits: Limits) -> bool:
    """Return whether the rate stayed at zero for longer than a schedule's first moment."""
    whole_run = facts.program is not None and facts.program.state == "ended"
    if optimizer.scheduled and not whole_run:
        return optimizer.steps >= limits.min_scheduled_steps
    return optimizer.steps >= limits.min_steps
