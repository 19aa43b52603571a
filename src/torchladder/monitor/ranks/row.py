"""What one process says of itself at one step, in a fixed number of bytes."""

import struct
from dataclasses import dataclass, fields
from enum import IntFlag
from typing import Any

BUCKETS = 32  # runs of parameters that the weights' checksum is kept for
CHANNELS = 8  # of the batch norm whose statistics are told
NOTHING = 0xFFFFFFFF
_FORM = struct.Struct(f"<IIHHIIIQQddIIIIII{BUCKETS}I{CHANNELS}f{CHANNELS}f")
SIZE = _FORM.size


class Flag(IntFlag):
    """What holds for the model and the step."""

    DDP = 1
    FSDP = 2
    FIND_UNUSED = 4
    STATIC_GRAPH = 8
    UNSYNCED = 16
    SHARDED = 32
    SAMPLER = 64
    FINAL = 128
    GRADIENT_ZERO = 256
    GRADIENTS = 512


@dataclass(frozen=True, slots=True)
class Row:
    """The row of one process; the order of the fields is their order in the bytes."""

    rank: int
    step: int
    phase: int
    flags: int
    group: int  # checksum of the ranks that hold replicas of this model
    tensors: int
    input_rows: int
    gradients: int
    inputs: int  # 0 when none was seen
    norm: float
    total: float
    unused: int
    first_unused: int
    norm_layer: int  # index of a batch norm, NOTHING when there is none
    norm_rows: int
    norm_values: int
    spare: int
    weights: tuple[int, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]

    @property
    def waited_for(self) -> bool:
        """Whether other processes wait for a gradient that this one does not have."""
        excused = Flag.FIND_UNUSED | Flag.STATIC_GRAPH | Flag.UNSYNCED | Flag.FINAL
        return bool(self.unused and self.flags & Flag.DDP and not self.flags & excused)

    def pack(self) -> bytes:
        """Return the row as ``SIZE`` bytes."""
        *plain, weights, means, stds = (getattr(self, f.name) for f in fields(self))
        return _FORM.pack(*plain, *weights, *means, *stds)


def unpack(data: bytes) -> list[Row]:
    """Return the rows that lie one behind the other; a last one that is cut short is left out."""
    found = []
    for values in _FORM.iter_unpack(data[: len(data) - len(data) % SIZE]):
        plain, rest = values[:17], values[17:]
        means = rest[BUCKETS : BUCKETS + CHANNELS]
        parts: tuple[Any, ...] = (*plain, rest[:BUCKETS], means, rest[BUCKETS + CHANNELS :])
        found.append(Row(*parts))
    return found


def folded(values: list[int]) -> tuple[int, ...]:
    """Return the checksums of many tensors as those of ``BUCKETS`` runs of them; see ``bucket``."""
    buckets = [0] * BUCKETS
    for i, value in enumerate(values):
        at = bucket(i, len(values))
        buckets[at] = mixed(buckets[at], value) & NOTHING
    return tuple(buckets)


def bucket(index: int, n: int) -> int:
    """Return the run that a tensor belongs to: its own where there are few."""
    return index if n <= BUCKETS else index * BUCKETS // n


def mixed(seed: int, value: int) -> int:
    """Return 64 bits that depend on both."""
    x = (seed * 0x100000001B3 ^ (value & 0xFFFFFFFFFFFFFFFF)) & 0xFFFFFFFFFFFFFFFF
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 31)
