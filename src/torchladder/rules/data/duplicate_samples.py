"""The same samples occur several times within one side.

## What is wrong
A side of the data holds copies: equal samples, or near ones (a picture brighter, cropped or saved again, a
text with a few words changed, a row that differs in a column or two). Where copies carry different labels,
at least one of each pair is wrong.

## Why it hurts
Copies weigh more than other samples, in the loss and in every figure. A later random split puts them on both
sides. Contradicting labels cannot be learned, and set a floor under the error.

## How it is found
Every sample is hashed; near copies are looked for among thumbnails of pictures, phrases of texts and cells of
rows. A pair counts only if chance, and the resemblance that this data has by nature, would not make one such
pair in all of it. Blank pictures and texts of fewer than ten words are left out. Rows so poor that two agree by
accident are not counted.

## What to do
Look at the pairs shown. Remove copies before splitting, or keep the copies of one sample together. Where labels
differ, look at both samples and settle the label.

## When it is a false alarm
Oversampling on purpose; sensors that rest; products photographed in several colours. Without contradicting
labels it is a remark only.

## Sources
Barz, Denzler, Do We Train on Test Data?, 2020. Lee et al., Deduplicating Training Data Makes Language Models
Better, 2022.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.duplicate_facts import DuplicateFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Severity, Trust
from torchladder.rules.data.copied import measured, remarks, role
from torchladder.rules.registry import limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How many copies are worth a word, and when chance could have made them."""

    share: float = limit(0.001, unit="share of the side's samples", why="fewer change nothing")
    count: float = limit(3, unit="samples", why="one or two copies are in most collections")
    bits: float = limit(40.0, unit="bits", why="10,000 by 10,000 pairs agree by accident at 27 bits")
    conflicts: float = limit(5, unit="samples", why="a few wrong labels are in every collection")
    conflicting: float = limit(0.01, unit="share of the side's samples", why="as many wrong labels cost accuracy")


@rule(
    "TL128",
    rung=1,
    severity=Severity.NOTE,
    needs=("duplicates",),
    limits=Limits,
    plants=(),
    near_misses=(),
)
def duplicate_samples(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each side and kind of copies."""
    for d in facts.duplicates or ():
        if d.first == d.second and _counts(d, limits):
            yield _finding(d, limits)


def _counts(d: DuplicateFact, limits: Limits) -> bool:
    """Tell whether there are copies that neither chance nor the data's own poverty makes."""
    if d.unknown is not None or d.shared < limits.count or d.shared < limits.share * d.compared:
        return False
    return not d.exact or (d.bits is not None and d.bits >= limits.bits)


def _finding(d: DuplicateFact, limits: Limits) -> Finding:
    how = "equal" if d.exact else "nearly equal"
    doubtful = d.conflicts >= limits.conflicts and d.conflicts >= limits.conflicting * d.compared
    doubtful &= d.exact or 2 * d.clear >= d.shared
    message = f"{d.shared:,} of {d.compared:,} {role(d, 0)} {d.kind} are {how} to others of the same side"
    if doubtful:
        message = f"{d.conflicts:,} copies among the {role(d, 0)} {d.kind} contradict their originals' label"
    return duplicate_samples.finding(
        message,
        severity=Severity.WARNING if doubtful else Severity.NOTE,
        seen=measured(d, f"{how} {d.kind}, the first of each group not counted"),
        notes=tuple(remarks(d)),
        fixes=(Fix(_help(d), Trust.IDEA),),
    )


def _help(d: DuplicateFact) -> str:
    if d.conflicts:
        return "look at the pairs whose labels differ and settle the label; keep one of each group"
    return "keep one of each group, or keep the copies of one sample on one side of a split"
