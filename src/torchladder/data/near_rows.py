"""Near copies among rows of a table: all columns but a few are equal, up to noise far below their spread.

Rows resemble each other by nature, but the more columns two rows must agree in, the fewer such pairs there are.
Copies stand out against that: pairs that differ in few columns outnumber those that differ in a few more. And what
they agree in must be more than chance could bring about anywhere in the table.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchladder.data.bands import combined, pairs_by_band
from torchladder.data.cell_sketches import Cells
from torchladder.data.twins import Ints, Twins, no_twins, twins

COLUMNS_MIN = 6  # of fewer, "all but a few" says nothing
NOISE = 1e-3  # of a column's deviation: differences below it count as none
STEP = 20  # noises that a value is rounded to while partners are looked for
BANDS = 24
SPARE = 3.0  # bits by which a band is richer than what tells N rows apart
SEED = 20250101
FEW = 0.1  # share of the columns that a copy may differ in
SURE = 10.0  # bits that two rows agree in beyond what chance gives one pair of all
CHUNK = 65_536


class NearRows(NamedTuple):
    """Pairs of rows that are near copies, and the columns that differ most often, with the share of pairs."""

    twins: Twins
    differing: tuple[tuple[int, float], ...] = ()


def near_rows(cells: Cells, numeric: NDArray[np.bool_]) -> NearRows:
    """Return the pairs of rows, none of which is equal to another, that differ in few columns only.

    Args:
        cells: (N, C) as ``cell_sketches`` makes them.
        numeric: (C,) which columns are numbers.
    """
    n, columns = cells.shape
    if columns < COLUMNS_MIN or n < 2:  # noqa: PLR2004 - nothing to compare
        return NearRows(no_twins())
    values, noise = _readings(cells, numeric)
    rounded = _rounded(cells, values, noise, numeric)
    bits = np.array([_bits(rounded[:, j]) for j in range(columns)])
    pairs = pairs_by_band(_bands(rounded, bits, np.log2(n) + SPARE))
    same = _agreement(cells, values, noise, numeric, pairs)
    differ = columns - same.sum(axis=1)
    few = _few(differ, columns)
    sure = same @ bits - 2 * np.log2(n) + 1
    kept = (differ <= few) & (sure >= SURE)
    counts = (~same[kept]).mean(axis=0) if kept.any() else np.zeros(columns)
    often = tuple((int(j), float(counts[j])) for j in np.argsort(-counts, kind="stable")[:3] if counts[j] > 0)
    return NearRows(twins(pairs[kept], 1 - differ[kept] / columns, sure[kept]), often)


def _readings(cells: Cells, numeric: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the cells as numbers, and the noise that counts as none in each column; 0 for whole numbers and words."""
    with np.errstate(invalid="ignore"):  # hashes of words read as floats may be signalling NaN
        values = cells.view(np.float32).astype(np.float64)
    noise = np.zeros(cells.shape[1])
    for j in np.flatnonzero(numeric):
        finite = values[np.isfinite(values[:, j]), j]
        if len(finite) and (finite != np.round(finite)).any():
            noise[j] = NOISE * finite.std()
    return values, noise


def _rounded(
    cells: Cells, values: NDArray[np.float64], noise: NDArray[np.float64], numeric: NDArray[np.bool_]
) -> NDArray[np.uint64]:
    """Return the cells as whole numbers that are mostly equal where values differ by noise."""
    out = cells.astype(np.uint64)
    for j in np.flatnonzero(numeric & (noise > 0)):
        steps = np.clip(values[:, j] / (STEP * noise[j]), -1e15, 1e15)
        out[:, j] = (
            np.where(np.isfinite(steps), np.round(np.nan_to_num(steps)), 1 << 60).astype(np.int64).view(np.uint64)
        )
    return out


def _bits(column: NDArray[np.uint64]) -> float:
    """Return -log2 of the chance that two rows are equal in a column."""
    counts = np.unique(column, return_counts=True)[1].astype(float)
    return float(-np.log2(((counts / len(column)) ** 2).sum()))


def _bands(rounded: NDArray[np.uint64], bits: NDArray[np.float64], wanted: float) -> list[NDArray[np.uint64]]:
    """Return a key per row for each of several random choices of columns, rich enough to tell most rows apart."""
    rng = np.random.default_rng(SEED)
    telling = np.flatnonzero(bits > 0)
    bands = []
    for _ in range(BANDS):
        order = rng.permutation(telling)
        used = order[: int(np.searchsorted(np.cumsum(bits[order]), wanted)) + 1]
        if len(used):
            bands.append(combined(np.where(np.isin(np.arange(rounded.shape[1]), used), rounded, np.uint64(0))))
    return bands


def _agreement(
    cells: Cells, values: NDArray[np.float64], noise: NDArray[np.float64], numeric: NDArray[np.bool_], pairs: Ints
) -> NDArray[np.bool_]:
    """Return (pairs, columns) whether both rows agree."""
    same = np.empty((len(pairs), cells.shape[1]), dtype=bool)
    with np.errstate(invalid="ignore"):
        for at in range(0, len(pairs), CHUNK):
            a, b = pairs[at : at + CHUNK].T
            close = np.abs(values[a] - values[b]) <= noise
            same[at : at + CHUNK] = (cells[a] == cells[b]) | (numeric & close)
    return same


def _few(differ: NDArray[np.int64], columns: int) -> int:
    """Return in how many columns a copy may differ here; -1 where pairs become ever fewer the more alike they are."""
    for few in range(max(int(columns * FEW), 1), -1, -1):
        near, next_ = (differ <= few).sum(), ((differ > few) & (differ <= 2 * few + 1)).sum()
        if near and near > next_:
            return few
    return -1
