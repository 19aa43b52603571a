"""Held-out samples are earlier than samples that are trained on.

## What is wrong
Data that was gathered over time was split at random, or the wrong way round: training has seen what
came after the samples it is asked about.

## Why it hurts
In use the future is unknown. Trends, prices, seasons and repeated events leak backwards, and held-out
figures are better than any forecast will be.

## How it is found
The times of all held-out samples are compared with the latest one of training.

## What to do
Split by time: train on what came first, hold out what came last: `torchladder data split --time COLUMN`.

## When it is a false alarm
A time that has nothing to do with the task, such as the day a file was copied. A column that is only
taken as the time by its name brings a remark, no more.

## Sources
Kapoor, Narayanan, Leakage and the Reproducibility Crisis in ML-based Science, 2022 (temporal leakage).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.shift_facts import TimesFact
from torchladder.rules.registry import limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the held-out side lies in training's past."""

    share: float = limit(0.02, unit="share of the held-out samples", why="a few late records reach back everywhere")


@rule(
    "TL111",
    rung=1,
    severity=Severity.WARNING,
    needs=("times",),
    limits=Limits,
    explains=("TL608",),
    plants=(),
    near_misses=(),
)
def temporal_leakage(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the held-out side that lies deepest in training's past."""
    rows = [t for t in facts.times or () if t.earlier > limits.share]
    if rows:
        yield _finding(max(rows, key=lambda t: t.earlier))


def _finding(t: TimesFact) -> Finding:
    wrong_way = t.before > 1 - 1e-9
    message = (
        "the held-out samples are earlier than all training samples"
        if wrong_way
        else f"{t.earlier:.0%} of the held-out samples are earlier than the last training sample"
    )
    notes = () if t.named else (f"`{t.column}` is taken as the time by its name; --time says which column it is",)
    return temporal_leakage.finding(
        message,
        severity=Severity.WARNING if t.named else Severity.NOTE,
        seen=(
            Measurement("held-out samples before the last one of training", round(t.earlier, 3), "share", expected=0),
            Measurement(f"training, by `{t.column}`", f"{t.train_first} to {t.train_last}"),
            Measurement(f"held out, by `{t.column}`", f"{t.held_first} to {t.held_last}"),
        ),
        notes=notes,
        fixes=(Fix(f"split by time: torchladder data split --time {t.column}", Trust.IDEA),),
    )
