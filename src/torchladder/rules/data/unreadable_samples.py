"""Samples of a data set cannot be read, or not as they are.

## What is wrong
Files are cut off, empty, no pictures in spite of their name or too large to decode; rows of a table have too
many or too few fields; a column of numbers holds words.

## Why it hurts
A loader raises in the middle of an epoch, or skips them without a word: which samples are trained on then
depends on the library that reads them. Words among numbers turn a whole column into text, or into NaN.

## How it is found
Every sample is read and decoded once. Those that fail are counted by reason and named; the check goes on
without them. A column whose values are numbers but for a few is read as numbers, and the others are named.

## What to do
Repair them or take them out, before the data is split; fetch files anew that are cut off.

## When it is a false alarm
Files that the training program leaves out itself; a row of totals or comments below a table; very large
pictures that are cut into tiles before training.

## Sources
Pillow on truncated files: https://pillow.readthedocs.io/en/stable/reference/ImageFile.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.reading_facts import FaultFact, ReadFact
from torchladder.rules.registry import limit, rule

WORDS = {
    "unreadable": "cannot be read",
    "truncated": "are cut off",
    "empty": "are empty",
    "too-large": "are too large to decode",
    "ragged": "have the wrong number of fields",
    "mixed": "are no numbers in columns of numbers",
    "encoding": "are not in the encoding of the file",
}
SHOWN = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How many samples that cannot be read are more than a remark."""

    share: float = limit(0.1, unit="share of the samples", why="then something is wrong with the set or its format")


@rule("TL125", rung=1, severity=Severity.WARNING, needs=("reads",), limits=Limits, plants=(), near_misses=())
def unreadable_samples(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each side that has samples which cannot be read, with all reasons."""
    for read in facts.reads or ():
        if read.faults:
            yield _finding(read, limits)


def _finding(read: ReadFact, limits: Limits) -> Finding:
    lost, odd = read.lost, sum(f.count for f in read.faults if not f.lost)
    of = max(read.rows or 0, read.read + lost)
    severity = Severity.WARNING if lost else Severity.NOTE
    if lost and lost >= limits.share * of:
        severity = Severity.ERROR
    main = max(read.faults, key=lambda f: (f.lost, f.count))
    what = "samples" if main.lost else "values"
    message = f"{lost if lost else odd:,} {what} of {_short(read.name)} {_said(read.faults, main)}"
    return unreadable_samples.finding(
        message,
        severity=severity,
        seen=tuple(Measurement(f"{f.kind}", f.count, f"of {of:,}" if f.lost else "values", 0) for f in read.faults[:3]),
        notes=tuple(name for f in read.faults for name in f.examples[:SHOWN])[:SHOWN],
        fixes=(Fix("repair them or take them out before the data is split", Trust.IDEA),),
    )


def _said(faults: tuple[FaultFact, ...], main: FaultFact) -> str:
    alone = len([f for f in faults if f.lost]) <= 1
    return WORDS.get(main.kind, "cannot be read") if alone else "cannot be read as they are"


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"...{name[-37:]}"  # noqa: PLR2004 - a message is one line
