"""The same sample twice: exactly, by what its bytes hash to, and nearly, by distance."""

import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import Matrix
from torchladder.data.neighbours import nearest

COLUMNS = 64  # columns looked at to tell how far chance can make two samples alike
CONTINUOUS = 0.5  # share of distinct samples with a value of their own, in a continuous column


@dataclass(frozen=True, slots=True)
class Overlap:
    """Samples on both sides.

    Attributes:
        shared: Held-out rows that also occur in training; ``held`` rows compared, constant ones left out.
        pairs: A few (training row, held-out row).
        within: Share of training rows that occur in training more than once.
        bits: What two independent samples would have to agree on: sum over columns of -log2 of the chance
            that two of them are equal there.
        continuous: Columns in which most distinct samples have a value of their own.
    """

    shared: int
    held: int
    pairs: tuple[tuple[int, int], ...]
    within: float
    bits: float
    continuous: int


def keys(x: NDArray[np.generic]) -> list[bytes | None]:
    """Return a hash per sample, floats as float32; None for samples that are one value throughout."""
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    if flat.dtype.kind == "f":
        flat = flat.astype(np.float32) + np.float32(0)  # -0 and 0 are the same
    plain = (flat == flat[:, :1]).all(axis=1) if flat.shape[1] > 1 else np.zeros(len(flat), dtype=bool)
    return [
        None if p else hashlib.blake2b(row.tobytes(), digest_size=16).digest()
        for p, row in zip(plain, flat, strict=True)
    ]


def first_of_each(x: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the rows that no earlier row equals; samples that are one value throughout count as different."""
    seen: set[bytes] = set()
    kept = []
    for i, key in enumerate(keys(x)):
        if key is None or key not in seen:
            kept.append(i)
        if key is not None:
            seen.add(key)
    return np.array(kept, dtype=np.int64)


def overlap(train: NDArray[np.generic], held: NDArray[np.generic], examples: int = 5) -> Overlap:
    """Count held-out samples that training has, too.

    Args:
        train: (N, ...) samples trained on.
        held: (M, ...) samples judged on.
        examples: Pairs to return.
    """
    ours, theirs = keys(train), keys(held)
    first: dict[bytes, int] = {}
    for i, key in enumerate(ours):
        if key is not None:
            first.setdefault(key, i)
    shared = [(first[k], j) for j, k in enumerate(theirs) if k is not None and k in first]
    times = Counter(k for k in ours if k is not None)
    again = sum(n for n in times.values() if n > 1)
    distinct = train.reshape(len(train), -1)[sorted(first.values())]
    bits, continuous = coincidence(distinct)
    return Overlap(
        len(shared),
        sum(k is not None for k in theirs),
        tuple(shared[:examples]),
        again / max(sum(times.values()), 1),
        bits,
        continuous,
    )


def coincidence(rows: NDArray[np.generic]) -> tuple[float, int]:
    """Return (bits, continuous columns) of distinct samples, see ``Overlap``."""
    if len(rows) < 2:  # noqa: PLR2004 - nothing to compare
        return 0.0, 0
    columns = np.unique(np.linspace(0, rows.shape[1] - 1, min(COLUMNS, rows.shape[1])).astype(int))
    bits, continuous = 0.0, 0
    for j in columns:
        counts = np.unique(rows[:, j], return_counts=True)[1].astype(float)
        bits -= np.log2(((counts / len(rows)) ** 2).sum())
        continuous += (counts == 1).sum() >= CONTINUOUS * len(rows)
    return float(bits), int(continuous)


def near_share(train: Matrix, held: Matrix, close: float = 0.02) -> float:
    """Return the share of held-out rows far nearer to a training row than training rows are to each other.

    Args:
        train: Features of the samples trained on.
        held: Features of the samples judged on, by the same map.
        close: How near, as a share of the median distance between neighbours in training.
    """
    usual = float(np.median(nearest(train, 1)[1]))
    return float((nearest(held, 1, train)[1][:, 0] < close * usual).mean()) if usual > 0 else 0.0
