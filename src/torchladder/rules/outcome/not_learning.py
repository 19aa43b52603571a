"""The loss stands where blind guessing stands, for the whole run.

## What is wrong
Nothing of what the inputs say about the targets is learned, although one batch can be memorised.

## Why it hurts
The run is wasted, and its length hides it: a loss of 2.30 looks like a slow start.

## How it is found
The training loss never gets 2 % below the loss of the best answer that ignores the input (the
entropy of the labels, the variance of the targets), over at least 500 steps of the program's own run, and no
held-out pass beats that answer. Judged for one optimizer and an unweighted, unsmoothed loss only.

In a log (`torchladder diagnose`): neither loss falls by 2.5 % from its first value, or both end at ln K with a share
of 1/K right, or an R2 ends at 0, or the score is the same at every evaluation (or at all late ones, mostly wrong and no
better than the first), or the loss fell by less than a fifth between its first two values and stands since.

## What to do
Look at the inputs and labels as pairs (label-misaligned), then at the learning rate (`torchladder lr`).

## When it is a false alarm
Targets that are truly random. Two networks that hold each other at chance, as in a GAN, are left alone.

## Sources
The master table of the ladder: loss at -log(1/K).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Measurement, Severity
from torchladder.rules.outcome.course import course
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a run must stand still."""

    steps: float = limit(500.0, unit="steps", why="slow starts are over by then")


@rule(
    "TL603",
    rung=6,
    severity=Severity.NOTE,
    needs=("curves", "evaluations", "outcome"),
    instead=("logs",),
    limits=Limits,
    plants=(
        Plant(
            "regression",
            "loss = mse(model(xb).squeeze(-1), yb)",
            "loss = mse(model(xb).squeeze(-1), yb[torch.randperm(len(yb))])",
        ),
        Plant("tabular", "loss = criterion(logits, yb)", "loss = criterion(logits, yb[torch.randperm(len(yb))])"),
    ),
    near_misses=(
        Plant("digits_mlp", "lr=2e-3", "lr=1e-3"),
        Plant(
            "tabular",
            "rows, left = simulate(2000)",
            "rows, left = simulate(2000)\nleft = left ^ (rng.random(2000) < 0.3)",
        ),
    ),
)
def not_learning(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one note about a run that stays at chance."""
    yield from of_log(not_learning, facts)
    found = course(facts)
    alone = len([c for c in facts.curves or () if c.losses]) == 1
    if found.state != "not-learning" or not alone or found.steps < limits.steps or found.end is None:
        return
    call = next((c for c in facts.loss_calls or () if c.differentiated), None)
    backward = next((o.backward_places for o in facts.optimizers or ()), ())
    yield not_learning.finding(
        "the loss stays where blind guessing stands",
        where=(call.place,) if call is not None and call.place is not None else backward[:1],
        seen=(
            Measurement(
                "training loss at the end",
                round(found.end, 4),
                expected="below that of blind guessing",
                step=found.steps,
            ),
        ),
        notes=(found.words,),
    )
