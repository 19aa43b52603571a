"""The model gives the same answer whatever its input.

## What is wrong
After hundreds of steps on one batch the outputs do not depend on the input: it is zeroed,
overwritten, multiplied away, or every path from it to the output is blocked.

## Why it hurts
The best that such a model can do is the best constant answer: the share of each class, or the mean
of the targets.

## How it is found
After the run on the same batch, the samples are exchanged for one another and the outputs compared.
They are the same, and the batch was not fitted.

## What to do
Follow the input through the forward pass and look for the line at which it stops to matter.

## When it is a false alarm
Heads that start at zero (asked only after training steps), models that fitted the batch, batches of
equal samples, tasks in which a constant is the right answer, and models whose weights are no longer
finite.

## Sources
Karpathy, input-independent baseline: https://karpathy.github.io/2019/04/25/recipe/
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.loop.trials import base_failed, base_trial
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When outputs are the same."""

    change: float = limit(1e-5, unit="relative change", why="single precision rounds below it")


@rule(
    "TL221",
    rung=3,
    severity=Severity.ERROR,
    needs=("interrogations", "trials"),
    limits=Limits,
    explains=("TL209", "TL220"),
    plants=(
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = criterion(model(torch.zeros_like(xb)), yb)",
        ),
        Plant("digits_mlp", "x = torch.relu(self.fc1(x))", "x = torch.relu(self.fc1(x * 0))"),
    ),
    near_misses=(
        Plant("digits_mlp", "model = MLP()", "model = MLP()\nnn.init.zeros_(model.head.weight)"),
        Plant(
            "digits_mlp",
            "x = torch.relu(self.fc1(x))",
            "x = torch.relu(self.fc1(x * (x > 0.1)))",
        ),
    ),
)
def input_ignored(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose trained model does not look at its input."""
    for asked in facts.interrogations or ():
        change, before = asked.input_dependence, asked.untrained_dependence
        if change is None or not math.isfinite(change) or change > limits.change:
            continue
        if before is not None and not before <= limits.change:
            continue  # it used its input once: training made it collapse, which has other causes
        if any(a.phase == asked.phase and a.dead == a.units for a in facts.activations or ()):
            continue  # a layer without a living unit is its own cause
        base = base_trial(facts, asked.phase)
        if base is None or not base_failed(facts, asked.phase) or not _finite(base.losses):
            continue
        roots = [r for r in facts.roots or () if r.phase == asked.phase]
        seen = [Measurement("relative change of the outputs for another input", change)]
        if base.losses:
            what = f"loss after {len(base.losses)} steps on one batch"
            chance = None if base.chance is None else round(base.chance, 4)
            seen.append(Measurement(what, round(base.losses[-1], 4), expected=chance))
        yield input_ignored.finding(
            "the outputs are the same whatever the input",
            where=lines(asked.place, *(root.place for root in roots[:1])),
            module=asked.module,
            seen=tuple(seen),
            fixes=(Fix("find the line at which the input stops to matter", Trust.IDEA),),
            phase=asked.phase,
        )


def _finite(losses: tuple[float, ...]) -> bool:
    """Return whether the run stayed finite."""
    return all(math.isfinite(loss) for loss in losses)
