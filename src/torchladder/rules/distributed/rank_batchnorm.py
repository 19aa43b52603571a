"""Batch norm takes its statistics from one process's few samples.

## What is wrong
Under data parallelism a batch is split, and BatchNorm sees one process's part of it. With few samples to a process (and
few places to average over) mean and deviation are noise, though the batch of all processes would be large enough.

## Why it hurts
The same sample is normalised differently on each process and at each step; the running averages that evaluation
uses are those of process 0 alone. Accuracy falls as processes are added and batches are cut smaller.

## How it is found
At a few steps each process leaves the mean and deviation that its noisiest batch norm sees (eight channels of it); the
first process measures how far the means lie apart, in deviations of the input.

## What to do
`nn.SyncBatchNorm.convert_sync_batchnorm(model)` before wrapping, larger batches, or GroupNorm.

## When it is a false alarm
Batch norms over many places (pictures) agree between processes even for few samples and are left alone, as are
synchronised and frozen ones.

## Sources
https://pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html ;
Wu and He, Group Normalization: https://arxiv.org/abs/1803.08494
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

PLACE = (
    "    train_loader = DataLoader(train_set, batch_size=32, sampler=sampler)\n"
    "    test_loader = DataLoader(test_set, batch_size=256)\n    net = Net()\n"
)
AT_THE_END = "net = nn.Sequential(Net(), nn.BatchNorm1d(10))"
OF_PICTURES = "net = nn.Sequential(nn.BatchNorm2d(1), Net())"
SMALL = PLACE.replace("batch_size=32, sampler=sampler", "batch_size=4, sampler=sampler, drop_last=True")
AT_THE_HEAD = "    net.fc1 = nn.Sequential(net.fc1, nn.BatchNorm1d(64))\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too few, and when it shows."""

    rows: float = limit(8, unit="samples", why="larger batches are noisy by their data, not by their number")
    apart: float = limit(
        0.35, unit="deviations of the input", why="eight independent values give it; pictures far less"
    )
    min_rounds: float = limit(4, unit="looks", why="one step may have an unusual batch")


@rule(
    "TL704",
    rung=6,
    severity=Severity.WARNING,
    needs=("rank_norms",),
    limits=Limits,
    plants=(
        Plant("digits_ddp", PLACE, SMALL + AT_THE_HEAD, ranks=2),
        Plant("digits_ddp", PLACE, SMALL.replace("net = Net()", AT_THE_END), ranks=2),
    ),
    near_misses=(
        Plant("digits_ddp", PLACE, PLACE + AT_THE_HEAD, ranks=2),
        Plant("digits_ddp", PLACE, SMALL.replace("net = Net()", OF_PICTURES), ranks=2),
        Plant("digits_ddp", PLACE, SMALL + AT_THE_HEAD.replace("BatchNorm1d(64)", "LayerNorm(64)"), ranks=2),
    ),
)  # fmt: skip
def rank_batchnorm(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose noisiest batch norm differs from process to process."""
    for norm in facts.rank_norms or ():
        if norm.rows > limits.rows or norm.rounds < limits.min_rounds or norm.apart <= limits.apart:
            continue
        yield rank_batchnorm.finding(
            f"batch norm takes its mean over {norm.values} values of one process",
            where=(norm.place,) if norm.place is not None else (),
            module=norm.module,
            seen=(
                Measurement("samples in a process's batch", norm.rows, expected=f"more than {limits.rows:g}"),
                Measurement(
                    "distance between the processes' means",
                    round(norm.apart, 2),
                    unit="deviations of the input",
                    expected=f"< {limits.apart:g}",
                ),
                Measurement("steps looked at", norm.rounds),
            ),
            fixes=(
                Fix("convert before wrapping: `nn.SyncBatchNorm.convert_sync_batchnorm(model)`", Trust.IDEA),
                Fix("take larger batches, or GroupNorm instead of batch norm", Trust.IDEA),
            ),
            phase=norm.phase,
        )
