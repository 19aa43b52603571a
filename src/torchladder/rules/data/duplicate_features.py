"""Columns of the table are copies of each other.

## What is wrong
Two columns agree in every sample: a join that brought a column twice, one quantity under two names.

## Why it hurts
A copy carries nothing new. It doubles the weight of what it copies in distances and penalties, splits
importances, and makes linear models ill-conditioned.

## How it is found
A hash over all samples of each column; equal hashes are equal columns. Columns that never vary are left out.

## What to do
Drop one of each pair, or find out which of them was meant to be another.

## When it is a false alarm
One-hot codes of two categories that happen to agree in the data there is; borders of flattened
pictures: tables in which many columns are copies are left alone, and so are wide ones.

## Sources
https://scikit-learn.org/stable/modules/feature_selection.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import limit, rule

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Which tables are looked at."""

    rows: float = limit(20, unit="samples", why="columns of fewer may agree by chance")
    columns: float = limit(300, unit="columns", why="wider tables are one-hot codes or flattened pictures")
    share: float = limit(0.5, unit="share of the columns", why="more copies than not is padding")


@rule(
    "TL127",
    rung=1,
    severity=Severity.NOTE,
    needs=("sets",),
    limits=Limits,
    plants=(),
    near_misses=(),
)
def duplicate_features(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one remark about the columns of training that are copies."""
    for train in (facts.sets or ())[:1]:
        n = len(train.columns)
        if not train.same or train.read < limits.rows or n > limits.columns or len(train.same) > limits.share * n:
            continue
        several = len(train.same) > 1
        pairs = ", ".join(f"`{b}` = `{a}`" for a, b in train.same[:SHOWN])
        what = f"{len(train.same)} columns of the table are copies" if several else "a column of the table is a copy"
        yield duplicate_features.finding(
            f"{what} of {'others' if several else 'another'}",
            seen=(
                Measurement("columns that are copies", len(train.same), f"of {n}", expected=0),
                Measurement("copy = original", pairs),
                Measurement("samples compared", train.read),
            ),
            fixes=(Fix("drop one column of each pair, or find out which was meant to be another", Trust.IDEA),),
        )
