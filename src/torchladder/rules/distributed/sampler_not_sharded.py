"""Processes that train together are given the same batches.

## What is wrong
Every process of a data-parallel training loads the same samples at the same step: the loader has no
DistributedSampler (or one for a single process), and the processes draw their order from the same seed.

## Why it hurts
The average of equal gradients is the gradient of one process: N processes cost N times as much and do the work of one.
The batch that the learning rate was chosen for is N times smaller than believed.

## How it is found
At a few steps each process leaves a checksum of the batch that its wrapped model is called with; the first process
compares them. The batches are the same on several processes at every look, and not the same from look to look.

## What to do
`DataLoader(data, sampler=DistributedSampler(data))` in place of `shuffle=True`, and `sampler.set_epoch(epoch)`.

## When it is a false alarm
One batch for ever, as in a test whether the model can learn it, is left alone; so are models without a wrapper
and models whose weights are spread over the processes, where all of them need the same batch.

## Sources
https://pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

LOADER = "    train_loader = DataLoader(train_set, batch_size=32, sampler=sampler)\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """How often the batches must agree."""

    min_looks: float = limit(3, unit="looks", why="one equal batch may be chance where samples repeat")


@rule(
    "TL702",
    rung=6,
    severity=Severity.WARNING,
    needs=("rounds",),
    limits=Limits,
    plants=(
        Plant("digits_ddp", LOADER, LOADER.replace("sampler=sampler", "shuffle=True"), ranks=2),
        Plant(
            "digits_ddp",
            "DistributedSampler(train_set)",
            "DistributedSampler(train_set, num_replicas=1, rank=0)",
            ranks=2,
        ),
    ),
    near_misses=(
        Plant(
            "digits_ddp", LOADER, "    torch.manual_seed(rank)\n" + LOADER.replace("sampler=sampler", "shuffle=True"),
            ranks=2,
        ),
        Plant(
            "digits_ddp",
            "        for images, labels in train_loader:\n",
            "        for images, labels in [train_set[:32]] * 20:\n",
            ranks=2,
        ),
    ),
)  # fmt: skip
def sampler_not_sharded(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose processes share batches at every look."""
    for phase in sorted({r.phase for r in facts.rounds or ()}):
        rounds = [r for r in facts.rounds or () if r.phase == phase and r.inputs is not None and not r.sharded]
        looks = [r for r in rounds if r.wrapper == "DistributedDataParallel"]
        if len(looks) < limits.min_looks or any((r.inputs or 0) >= r.ranks for r in looks):
            continue
        if len({r.input_key for r in looks}) < limits.min_looks:
            continue
        last, different = looks[-1], max(r.inputs or 0 for r in looks)
        batches = "the same batch" if different == 1 else f"{different} different batches"
        yield sampler_not_sharded.finding(
            f"{last.ranks} processes are given {batches} at every step looked at",
            where=(last.place,) if last.place is not None else (),
            seen=(
                Measurement("different batches at a step", different, unit="at most", expected=last.ranks),
                Measurement("steps looked at", len(looks)),
                Measurement("samples in a process's batch", last.input_rows),
            ),
            fixes=(Fix("share the data out: `DataLoader(data, sampler=DistributedSampler(data))`", Trust.IDEA),),
            phase=phase,
        )
