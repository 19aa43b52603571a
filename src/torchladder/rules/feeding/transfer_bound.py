"""The training waits for the copy of its batches to the GPU.

## What is wrong
A batch takes long to get from the host's memory to the device, and the device stands still meanwhile: the memory is
not page-locked, so that the driver copies it twice, and no copy overlaps with computing.

## Why it hurts
Every step is longer by the copy.

## How it is found
`torchladder loader` copies a batch of the loader to the GPU several times, as it comes and from page-locked memory,
and sets the medians beside the time that a step computes.

## What to do
Let the loader put its batches into page-locked memory (`pin_memory=True`) and copy with `non_blocking=True`. Copy
smaller types (uint8 images rather than float32) and convert them on the device.

## When it is a false alarm
Where the program overlaps the copies with computing by itself, on a stream of its own.

## Sources
https://docs.pytorch.org/docs/stable/data.html#memory-pinning
https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import TransferFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import limit, rule

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """When a copy is worth a word."""

    share: float = limit(0.2, unit="share of a step", why="less is not worth a change")
    least: float = limit(0.001, unit="seconds a batch", why="below this the start of a copy is all that is measured")
    faster: float = limit(1.3, unit="times", why="copies of one batch differ by less than this")


@rule("TL902", rung=6, severity=Severity.WARNING, needs=("transfers",), limits=Limits, plants=(), near_misses=())
def transfer_bound(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the loader whose copies take longest."""
    slow = [t for t in facts.transfers or () if _is_slow(t, limits)]
    if not slow:
        return
    found = max(slow, key=lambda t: t.seconds)
    computing = found.computing or 0.0
    yield transfer_bound.finding(
        f"the copy of a batch to the GPU takes {found.seconds / (found.seconds + computing):.0%} of a step",
        where=(found.place,) if found.place is not None else (),
        seen=(
            Measurement("milliseconds for the copy of a batch", round(1e3 * found.seconds, 2)),
            Measurement("milliseconds that a step computes", round(1e3 * computing, 2)),
            Measurement("MiB in a batch", round(found.bytes / MIB, 2)),
        ),
        remark="gives the batches that are copied",
        fixes=_fixes(found, limits),
    )


def _is_slow(t: TransferFact, limits: Limits) -> bool:
    """Return whether a good part of a step is the copy; without the time of a step nobody knows."""
    if t.computing is None or t.seconds < limits.least:
        return False
    return t.seconds >= limits.share * (t.seconds + t.computing)


def _fixes(t: TransferFact, limits: Limits) -> tuple[Fix, ...]:
    smaller = Fix("copy smaller types, such as uint8 images, and convert them on the device", Trust.IDEA)
    if t.pinned or t.pinned_seconds is None or t.seconds < limits.faster * t.pinned_seconds:
        return (smaller,)
    what = "milliseconds for the copy of a batch"
    pin = Fix(
        "`pin_memory=True` in the loader, `non_blocking=True` in the copy",
        verified=True,
        before=Measurement(what, round(1e3 * t.seconds, 2)),
        after=Measurement(what, round(1e3 * t.pinned_seconds, 2)),
    )
    return (pin, smaller)
