"""Columns of the table never vary.

## What is wrong
A column holds one value in every sample: a field that was never filled, a join that failed, a feature
that a filter made constant.

## Why it hurts
It carries nothing. Standardised, it is zero or a division by zero; in use it may vary after all.

## How it is found
The columns of the training data as stored are compared over all samples read.

## What to do
Find out why it does not vary, then drop it or repair its source.

## When it is a false alarm
Padding, sparse one-hot columns and the borders of flattened pictures: tables in which many columns
are constant are left alone, and so are wide ones.

## Sources
https://scikit-learn.org/stable/modules/feature_selection.html#removing-features-with-low-variance
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.set_facts import SetFact
from torchladder.rules.registry import Plant, limit, rule

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Which tables are looked at."""

    rows: float = limit(100, unit="samples", why="a rare value may be missing from fewer")
    columns: float = limit(40, unit="columns", why="wider tables are one-hot codes or flattened pictures")
    share: float = limit(0.5, unit="share of the columns", why="more constant than not is padding")


@rule(
    "TL103",
    rung=1,
    severity=Severity.NOTE,
    needs=("surveys",),
    instead=("sets",),
    limits=Limits,
    plants=(
        Plant("regression", "x = torch.randn(2560, 8)", "x = torch.randn(2560, 8)\nx[:, 4:6] = 0.5"),
        Plant("regression", "x = torch.randn(2560, 8)", "x = torch.randn(2560, 8)\nx[:, 7] = 1.0"),
    ),
    near_misses=(
        Plant("regression", "x = torch.randn(2560, 8)", "x = torch.randn(2560, 8)\nx[1:, 7] = 1.0"),
        Plant("regression", "x = torch.randn(2560, 8)", "x = torch.randn(2560, 8)\nx[:, 3:] = 0.0"),
    ),
)
def data_constant_feature(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one remark for each stage whose table has columns that never vary, or for the training set."""
    for train in (facts.sets or ())[:1]:
        yield from _of_set(train, limits)
    for survey in facts.surveys or ():
        side = survey.train
        columns, flat = side.columns or 0, side.constant_columns
        if not flat or side.read < limits.rows or columns > limits.columns or len(flat) > limits.share * columns:
            continue
        names = ", ".join(map(str, flat))
        yield data_constant_feature.finding(
            f"column{'s' * (len(flat) > 1)} {names} of the input never var{'y' if len(flat) > 1 else 'ies'}",
            where=tuple(p for p in (side.made, side.call) if p is not None),
            seen=(Measurement("columns that never vary", len(flat), f"of {columns}", expected=0),
                  Measurement("samples read", side.read)),
            fixes=(Fix("find out why the column does not vary, then drop it or repair its source", Trust.IDEA),),
            phase=survey.phase,
        )  # fmt: skip


def _of_set(train: SetFact, limits: Limits) -> Iterator[Finding]:
    flat, n = [c for c in train.columns if c.constant], len(train.columns)
    if not flat or train.read < limits.rows or n > limits.columns or len(flat) > limits.share * n:
        return
    names = ", ".join(f"`{c.name}`" for c in flat[:SHOWN]) + (" ..." if len(flat) > SHOWN else "")
    empty = [c.name for c in flat if not c.values]
    yield data_constant_feature.finding(
        f"column{'s' * (len(flat) > 1)} {names} of the table never var{'y' if len(flat) > 1 else 'ies'}",
        seen=(
            Measurement("columns that never vary", len(flat), f"of {n}", expected=0),
            Measurement("of them without any value", len(empty)),
            Measurement("samples read", train.read),
        ),
        fixes=(Fix("find out why the column does not vary, then drop it or repair its source", Trust.IDEA),),
    )
