"""Some pictures are unlike the others: blank, huge, of another size or mode.

## What is wrong
Among the pictures are some that show nothing, that have tens of megapixels, that differ in size from nearly all
others, or that have another mode (grey, palette, transparency, CMYK) than nearly all others.

## Why it hurts
A blank picture teaches its label to nothing. A huge one stalls a loader for seconds or exhausts its memory. Another
size or mode breaks a batch, or is converted in a way nobody looked at: transparency turns black, a palette turns into
numbers without meaning.

## How it is found
Sizes and modes are read from the files' headers, so that huge pictures need not be decoded. A picture is blank if its
pixels vary by less than one of 255 steps. Sizes and modes are odd only where at least 95 % of the pictures agree;
where all sizes differ, those are odd that are three times as far from the middle as half of the others.

## What to do
Look at those that are named. Drop what is blank or broken, shrink what is huge before training, convert all to one
mode on purpose (composite transparency on one ground).

## When it is a false alarm
Masks and depth maps, where black is an answer; night and snow, which are remarks only.

## Sources
Northcutt et al., CleanVision, 2023. Pillow's guard against decompression bombs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.duplicate_facts import OddFact, PicturesFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.data.copied import spoken
from torchladder.rules.registry import limit, rule

WORDS = {
    "blank": "show nothing",
    "huge": "have more than 50 megapixels",
    "size": "are far from the others in size or aspect",
    "shape": "differ in size from nearly all others",
    "mode": "differ in mode from nearly all others",
    "dark": "are nearly black",
    "bright": "are nearly white",
}
HELP = {
    "blank": "look at them and drop those that were lost on the way",
    "huge": "shrink them once, before training",
    "size": "look at them; crop or drop what does not belong here",
    "shape": "bring all to one size before they are batched",
    "mode": "convert all to one mode on purpose, transparency on one ground",
    "dark": "look at them",
    "bright": "look at them",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many odd pictures are more than a remark."""

    blank: float = limit(0.01, unit="share of the pictures", why="as many labels without a picture cost accuracy")
    count: float = limit(5, unit="pictures", why="fewer are an accident")
    masks: float = limit(0.3, unit="share of the pictures", why="where so many are blank, blank is an answer")
    remark: float = limit(1, unit="pictures", why="each is worth a look")


@rule(
    "TL126",
    rung=1,
    severity=Severity.NOTE,
    needs=("pictures",),
    limits=Limits,
    plants=(),
    near_misses=(),
)
def odd_samples(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each way in which pictures of a side are odd."""
    for side in facts.pictures or ():
        for odd in side.odd:
            if odd.count >= limits.remark and odd.way in WORDS and not _common(odd, side, limits):
                yield _finding(odd, side, limits)


def _common(odd: OddFact, side: PicturesFact, limits: Limits) -> bool:
    return odd.way in {"blank", "dark", "bright"} and odd.count > limits.masks * max(side.read, 1)


def _finding(odd: OddFact, side: PicturesFact, limits: Limits) -> Finding:
    many = odd.way == "blank" and odd.count >= max(limits.count, limits.blank * side.read)
    total = max(side.read, odd.count)
    seen = [Measurement(f"pictures that {WORDS[odd.way]}", odd.count, f"of {total:,}", expected=odd.usual or 0)]
    if odd.examples:
        seen.append(Measurement("for example", ", ".join(odd.examples[:3])))
    return odd_samples.finding(
        f"{odd.count:,} of {total:,} {spoken(side.role)} pictures {WORDS[odd.way]}",
        severity=Severity.WARNING if many or odd.way == "huge" else Severity.NOTE,
        seen=tuple(seen),
        fixes=(Fix(HELP[odd.way], Trust.IDEA),),
    )
