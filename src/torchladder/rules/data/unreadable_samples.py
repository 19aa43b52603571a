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
from dataclasses import dataclass, replace

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.reading_facts import FaultFact, ReadFact
from torchladder.rules.registry import limit, rule

WORDS = {
    "unreadable": ("cannot be read", "cannot be read"),
    "truncated": ("is cut off", "are cut off"),
    "empty": ("is empty", "are empty"),
    "too-large": ("is too large to decode", "are too large to decode"),
    "ragged": ("has the wrong number of fields", "have the wrong number of fields"),
    "mixed": ("is no number in a column of numbers", "are no numbers in columns of numbers"),
    "encoding": ("is not in the encoding of the file", "are not in the encoding of the file"),
}
SEEN = {
    "unreadable": "samples that cannot be read",
    "truncated": "samples that are cut off",
    "empty": "empty samples",
    "too-large": "samples too large to decode",
    "ragged": "rows with the wrong number of fields",
    "mixed": "values that are no numbers in columns of numbers",
    "encoding": "values that are not in the encoding of the file",
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
        # Pictures too large to decode are odd-samples' to name, where somebody looked at pictures.
        faults = tuple(f for f in read.faults if f.kind != "too-large" or facts.pictures is None)
        if faults:
            yield _finding(replace(read, faults=faults), limits)


def _finding(read: ReadFact, limits: Limits) -> Finding:
    lost, odd = read.lost, sum(f.count for f in read.faults if not f.lost)
    of = max(read.rows or 0, read.read + lost)
    severity = Severity.WARNING if lost else Severity.NOTE
    if lost and lost >= limits.share * of:
        severity = Severity.ERROR
    main = max(read.faults, key=lambda f: (f.lost, f.count))
    what = "sample" if main.lost else "value"
    message = f"{_counted(lost or odd, what)} of {_short(read.name)} {_said(read.faults, main, lost or odd)}"
    return unreadable_samples.finding(
        message,
        severity=severity,
        seen=tuple(
            Measurement(SEEN.get(f.kind, f.kind), f.count, f"of {of:,}" if f.lost else None, 0) for f in read.faults[:3]
        ),
        notes=tuple(name for f in read.faults for name in f.examples[:SHOWN])[:SHOWN],
        fixes=(Fix("repair them or take them out before the data is split", Trust.IDEA),),
    )


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _said(faults: tuple[FaultFact, ...], main: FaultFact, n: int) -> str:
    alone = len([f for f in faults if f.lost]) <= 1
    return WORDS.get(main.kind, WORDS["unreadable"])[n > 1] if alone else "cannot be read as they are"


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"...{name[-37:]}"  # noqa: PLR2004 - a message is one line
