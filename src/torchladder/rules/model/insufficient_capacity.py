"""The network is too narrow to memorise a single batch.

## What is wrong
A hidden layer is narrower than the batch has samples, and so narrow that what is needed to tell them
apart does not get through.

## Why it hurts
A model that cannot memorise a few samples cannot learn a data set. No learning rate, schedule or
amount of data changes that.

## How it is found
Gradients reach every layer and the weights move at an ordinary pace, yet the loss on one batch comes
to rest well above where a perfect fit would be. The same stack of linear layers with wide hidden
layers, drawn anew, memorises the batch: then, and only then, width was missing. Before that, the
samples of the batch are compared: equal inputs with different labels cannot be memorised by any
model, and are named instead.

## What to do
Widen the narrowest hidden layer.

## When it is a false alarm
Bottlenecks on purpose (autoencoders) that lose detail by design reach their floor, which is not
zero. Other faults keep a network from memorising as well; they are looked for first, and only a wider
copy that succeeds speaks for this one. Models that are no plain stack of linear layers are not judged.

## Sources
Overfit one batch: https://karpathy.github.io/2019/04/25/recipe/
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact, TrialFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing, Trust
from torchladder.rules.loop.trials import base_trial, diverged, last_loss
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

MATRIX = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What rules out other reasons, and how wide is wide."""

    slow: float = limit(1e-4, unit="|update| / |weight| a step", why="below it the rate is the likelier reason")
    fast: float = limit(0.1, unit="|update| / |weight| a step", why="above it the rate is the likelier reason")
    width: float = limit(128, unit="units", why="memorises any batch of the usual size")
    conflicts: float = limit(0.05, unit="fraction of samples", why="fewer do not hold back the loss")


@rule(
    "TL220",
    rung=3,
    severity=Severity.WARNING,
    needs=("parameters", "trials", "optimizers"),
    limits=Limits,
    plants=(
        Plant("digits_mlp", "def __init__(self, hidden=128):", "def __init__(self, hidden=1):"),
        Plant(
            "digits_mlp",
            "self.fc1 = nn.Linear(64, hidden)\n        self.fc2 = nn.Linear(hidden, hidden)",
            "self.fc1 = nn.Linear(64, 1)\n        self.fc2 = nn.Linear(1, hidden)",
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "def __init__(self, hidden=128):", "def __init__(self, hidden=24):"),
        Plant("digits_mlp", "lr=2e-3", "lr=2e-7"),
    ),
)
def insufficient_capacity(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a suspicion for each phase that moves, stays above its floor and has a narrow layer."""
    for optimizer in facts.optimizers or ():
        base = base_trial(facts, optimizer.phase)
        if base is None or base.passed is not False or not base.losses:
            continue
        clash = next((c for c in facts.conflicts or () if c.phase == optimizer.phase), None)
        if clash is not None and clash.conflicting > limits.conflicts * clash.rows:
            yield insufficient_capacity.finding(
                f"{clash.conflicting} of {clash.rows} samples of a batch have equal inputs and different labels",
                severity=Severity.NOTE,
                notes=("no model can memorise these: the loss on one batch cannot reach zero",),
                phase=optimizer.phase,
            )
            continue
        stack = plain_stack(facts.parameters or (), optimizer.phase)
        if stack and _moves(optimizer, base, limits):
            yield from _narrow(stack, optimizer, base, limits)


def _moves(optimizer: OptimizerFact, base: TrialFact, limits: Limits) -> bool:
    """Return whether the weights move at an ordinary pace without reaching anything."""
    ratio = optimizer.update_ratio
    return ratio is not None and limits.slow <= ratio <= limits.fast and not diverged(base.losses)


def plain_stack(parameters: Sequence[ParameterFact], phase: int) -> list[ParameterFact]:
    """Return the weights of a model that is nothing but linear layers in a chain, each trained; else nothing."""
    here = [p for p in parameters if p.phase == phase and p.registered]
    weights = [p for p in here if len(p.shape) == MATRIX]
    linear = all(p.module_type == "Linear" and p.module for p in here)
    trained = all(p.requires_grad and p.reached and p.in_optimizer and p.fresh for p in weights)
    chained = all(first.shape[0] == second.shape[1] for first, second in pairwise(weights))
    return weights if linear and trained and chained and len(weights) > 1 else []


def _narrow(stack: list[ParameterFact], optimizer: OptimizerFact, base: TrialFact, limits: Limits) -> Iterator[Finding]:
    """Yield the suspicion when a hidden layer is narrower than the batch is long."""
    narrowest = min(stack[:-1], key=lambda p: p.shape[0])
    width = narrowest.shape[0]
    if base.rows is None or width >= base.rows:
        return
    wide = int(limits.width)
    change = {"phase": optimizer.phase, "modules": [p.module for p in stack], "width": wide}
    yield insufficient_capacity.finding(
        f"hidden layers of {width} {'unit' if width == 1 else 'units'} cannot memorise {base.rows} samples",
        where=lines(narrowest.created),
        module=narrowest.module,
        seen=(
            Measurement("units of the narrowest hidden layer", width, expected=f"{base.rows} or more"),
            Measurement("loss on one batch at the end", round(last_loss(base.losses), 4), expected=base.floor),
        ),
        fixes=(Fix(f"widen the hidden layers, to {wide} units say", Trust.LIKELY, Change("widen", change)),),
        standing=Standing.SUSPECTED,
        phase=optimizer.phase,
    )
