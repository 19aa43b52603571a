"""Held-out samples are predicted by their own counterparts in the training data.

## What is wrong
The held-out score is higher than what was learned allows: a sample is predicted right when its counterpart is
among the training samples, and not otherwise. Second visits of one patient, copies, crops and views of one picture
that stand on both sides of the split do this, however little they resemble each other number by number.

## Why it hurts
The score measures memory. New data has no counterpart in the training set, and the score will not be met there.

## How it is found
The program is run on each of two halves of its training data. What makes a sample hard makes it hard for
both, so being right by one and by the other go together, within each class. Here they exclude each other, by more than
five standard errors: a sample needs its own half. Both halves were fitted nearly without error, and the full run, which
holds both, is right far more often than either.

`torchladder scaling` finds it in another way: the run lies far below what a law that was fitted to other runs of the
same kind expects of its size. `torchladder diagnose` says it of a log whose held-out loss is next to nothing almost
from the start, with every sample right.

## What to do
Split by what the samples share (patient, scene, source, user), and only then cut, copy or augment.

## When it is a false alarm
Where every new sample will have its counterpart in the training data too (a symmetric table with one half to
fill in, say), the score is what was wanted. Counterparts that come in large groups are in both halves, and not found:
silence proves nothing.

## Sources
Kaufman et al., Leakage in Data Mining: Formulation, Detection, and Avoidance, 2012. Two verdicts that share
nothing but how hard a sample is have the variance of that hardness as covariance, which is never negative.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.scaling_facts import CounterpartsFact, HalfFact
from torchladder.rules.outcome.beside_law import beside, seen
from torchladder.rules.outcome.held_out import held_out, standard_error
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import Plant, limit, rule

HALVES = 2
SPLIT = "torch.isin(patient, torch.randperm(patients)[:150])"


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds."""

    rows: float = limit(100, unit="held-out samples", why="with fewer, a correlation is a guess")
    per_class: float = limit(10, unit="held-out samples a class", why="classes of a few samples leave no spread within")
    agreement: float = limit(-0.2, unit="correlation", why="chance and programs without a leak lie at 0 and above")
    errors: float = limit(5.0, unit="standard errors", why="one false alarm in a million programs is one too many")
    fitted: float = limit(0.9, unit="share", why="a half that is not memorised tells nothing about what memory does")


@rule(
    "TL608",
    rung=6,
    severity=Severity.WARNING,
    needs=("halves", "counterparts", "evaluations"),
    instead=("lines",),
    limits=Limits,
    plants=(
        Plant("repeat_visits", SPLIT, "torch.arange(2 * patients) >= 2 * patients - 400"),
        Plant("repeat_visits", SPLIT, "(torch.arange(2 * patients) >= patients) & (patient % 3 > 0)"),
    ),
    near_misses=(
        Plant("repeat_visits", SPLIT, "patient >= 350"),
        Plant("digits_mlp", "test_size=0.25", "test_size=0.4"),
    ),
)
def too_good(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a warning about held-out samples that need their own half of the training data, or runs below a law."""
    for line in beside(facts, above=False):
        yield too_good.finding(
            "the held-out loss is lower than the scaling law of the other runs allows",
            seen=seen(line),
            fixes=(Fix("look for held-out data among the training data of this run", Trust.IDEA),),
        )
    yield from of_log(too_good, facts)
    h = facts.counterparts
    if h is None or h.agreement is None or not _is_leap(h, facts.halves or (), limits):
        return
    chance = 1 / math.sqrt(h.rows)
    if h.agreement > min(limits.agreement, -limits.errors * chance):
        return
    where = next((e.place for e in held_out(facts.evaluations or ()) if e.place is not None), None)
    yield too_good.finding(
        "held-out samples are predicted only where their counterparts are trained on",
        where=(where,) if where is not None else (),
        seen=(
            Measurement(
                "correlation of being right by one half of the training data and by the other",
                round(h.agreement, 3),
                expected=f"above 0; chance is within {2 * chance:.2f}",
            ),
            Measurement("held-out samples that exactly one half is right on", h.one, expected=f"of {h.rows}"),
            Measurement(
                "held-out accuracy with both halves",
                round(h.full, 4),
                expected=f"{h.first:.4g} and {h.second:.4g} with one",
            ),
        ),
        fixes=(Fix("split by what the samples share, before they are cut, copied or augmented", Trust.IDEA),),
    )


def _is_leap(h: CounterpartsFact, runs: tuple[HalfFact, ...], limits: Limits) -> bool:
    """Tell whether both halves were memorised and enough samples seen, and the full run is far above both."""
    if h.rows < limits.rows or h.rows < limits.per_class * h.classes or len(runs) < HALVES:
        return False
    fitted = [run.train_accuracy for run in runs[:HALVES]]
    best = max(h.first, h.second)
    leaps = h.full > best + limits.errors * standard_error(best, h.rows)
    return leaps and all(share is not None and share >= limits.fitted for share in fitted)
