"""Samples of any kind as one matrix in which distances and linear probes mean something."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

SIDE = 16  # points along a picture's axis after averaging: enough to tell classes, few enough to be quick
WIDTH = 256  # columns kept; wider data is projected at random, which keeps distances (Johnson and Lindenstrauss)
IDS_BUCKETS = 256  # token ids are counted in this many buckets
TABLE, PICTURE = 2, 4  # dimensions, samples included
CHANNELS = 4  # most channels of a picture
EPS = 1e-12


def as_matrix(x: NDArray[np.generic]) -> Matrix:
    """Return (N, D) features of samples (N, ...): tables standardised, pictures averaged down, ids counted.

    Non-finite values become 0, columns without spread stay 0.
    """
    if len(x) == 0:
        return np.zeros((0, 1))
    if x.dtype.kind in "iub" and x.dtype != np.uint8 and x.ndim >= TABLE and x.shape[-1] > 1:
        return _bags(x.reshape(len(x), -1))
    values = np.nan_to_num(np.asarray(x, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if values.ndim <= TABLE:
        return narrow(standardised(values.reshape(len(values), -1)))
    if values.ndim >= PICTURE or min(values.shape[1:]) > CHANNELS:
        values = smaller(values)
    flat = values.reshape(len(values), -1)
    flat = flat - flat.mean(axis=0)
    return narrow(np.asarray(flat / (flat.std() + EPS)))


def standardised(table: Matrix) -> Matrix:
    """Return columns with mean 0 and deviation 1; constant ones are 0."""
    centred = table - table.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > EPS * (1 + np.abs(table).max(axis=0)), spread, np.inf))


def narrow(matrix: Matrix) -> Matrix:
    """Return at most ``WIDTH`` columns, by a fixed random projection."""
    if matrix.shape[1] <= WIDTH:
        return matrix
    rng = np.random.default_rng(0)
    return np.asarray(matrix @ (rng.standard_normal((matrix.shape[1], WIDTH)) / np.sqrt(WIDTH)))


def _bags(ids: NDArray[np.generic]) -> Matrix:
    """Return how often each id occurs in each row, as the root of its share, ids folded into buckets."""
    folded = np.abs(ids.astype(np.int64)) % IDS_BUCKETS
    counts = np.zeros((len(ids), IDS_BUCKETS))
    np.add.at(counts, (np.repeat(np.arange(len(ids)), ids.shape[1]), folded.ravel()), 1.0)
    return np.asarray(np.sqrt(counts / max(ids.shape[1], 1)))


def smaller(values: Matrix) -> Matrix:
    """Return samples whose long axes are averaged down to ``SIDE`` points; channels are kept."""
    for axis in range(1, values.ndim):
        length = values.shape[axis]
        if length <= SIDE:
            continue
        starts = np.linspace(0, length, SIDE, endpoint=False).astype(int)
        widths = np.diff(np.append(starts, length))
        shape = [1] * values.ndim
        shape[axis] = SIDE
        values = np.add.reduceat(values, starts, axis=axis) / widths.reshape(shape)
    return values
