"""A DistributedSampler shuffles into the same order in every epoch.

## What is wrong
DistributedSampler draws its order from its seed and its epoch number. `sampler.set_epoch(epoch)` is not called, or
always with the same number.

## Why it hurts
The order of the samples, and so which of them meet in a batch, and on which process, never changes: `shuffle=True`
shuffles once. The gradient noise repeats itself epoch after epoch.

## How it is found
The sampler's epoch number is read as each pass over its loader begins; it is the same in all passes that were trained
on, or the first batches of the passes are equal to the bit.

## What to do
Call `sampler.set_epoch(epoch)` before each epoch's loop.

## When it is a false alarm
Samplers that do not shuffle, samplers of evaluation loaders and a training of one pass are left alone, and samplers
whose order is made by a class of the program's own, unless the batches were seen to repeat.

## Sources
"Calling set_epoch … is necessary to make shuffling work properly across multiple epochs":
https://pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.distributed_facts import SamplerFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How many passes tell."""

    min_passes: float = limit(3, unit="passes", why="a rehearsal before the first epoch may draw its order too")


@rule(
    "TL703",
    rung=6,
    severity=Severity.WARNING,
    needs=("samplers",),
    limits=Limits,
    plants=(
        Plant("digits_ddp", "sampler.set_epoch(epoch)", "dist.barrier()", ranks=2),
        Plant("digits_ddp", "sampler.set_epoch(epoch)", "sampler.set_epoch(0)", ranks=2),
    ),
    near_misses=(
        Plant("digits_ddp", "sampler.set_epoch(epoch)", "sampler.set_epoch(epoch + 100)", ranks=2),
        Plant(
            "digits_ddp",
            "test_loader = DataLoader(test_set, batch_size=256)",
            "test_loader = DataLoader(test_set, batch_size=256, "
            "sampler=DistributedSampler(test_set) if ranks > 1 else None)",
            ranks=2,
        ),
        Plant(
            "digits_ddp",
            "        if ranks > 1:\n            sampler.set_epoch(epoch)\n",
            "        if ranks > 1:\n            sampler.shuffle = False\n",
            ranks=2,
        ),
    ),
)
def set_epoch_missing(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each sampler that was asked for the same order again and again."""
    for sampler in facts.samplers or ():
        if not sampler.shuffle or len(sampler.epochs) < limits.min_passes or not _repeats(sampler):
            continue
        yield set_epoch_missing.finding(
            f"`{sampler.type}` gives the samples in the same order in every epoch",
            where=(sampler.place,) if sampler.place is not None else (),
            seen=(
                Measurement("passes trained on", len(sampler.epochs)),
                Measurement("epoch numbers of the sampler", sorted(set(sampler.epochs)), expected="one for each pass"),
                *((Measurement("first batches of the passes", "equal"),) if sampler.same_start else ()),
            ),
            fixes=(Fix("call `sampler.set_epoch(epoch)` before each epoch", Trust.LIKELY),),
        )


def _repeats(sampler: SamplerFact) -> bool:
    if len(set(sampler.epochs)) > 1:
        return False
    return sampler.same_start is True or sampler.stock
