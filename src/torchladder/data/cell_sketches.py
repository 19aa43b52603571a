"""Rows of a table as numbers of 32 bits, one a column: a float as it is, anything else by its hash."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from torchladder.data.bands import combined

Array = NDArray[np.generic]
Cells = NDArray[np.uint32]
COLUMNS = 64  # columns kept, evenly chosen of more


def chosen_columns(n: int) -> list[int]:
    """Return which columns are kept of ``n``."""
    return np.unique(np.linspace(0, n - 1, min(n, COLUMNS)).astype(int)).tolist() if n else []


def cells_of_matrix(rows: Array) -> Cells:
    """Return (N, at most ``COLUMNS``) cells of numeric samples of any shape."""
    flat = rows.reshape(len(rows), -1)
    return _floats(np.asarray(flat[:, chosen_columns(flat.shape[1])], dtype=np.float64))


def cells_of_columns(columns: Mapping[str, Array]) -> tuple[Cells, tuple[bool, ...]]:
    """Return (N, at most ``COLUMNS``) cells of a table, and which columns are numbers."""
    names = list(columns)
    picked = [columns[names[j]] for j in chosen_columns(len(names))]
    numeric = tuple(c.dtype.kind in "fiub" for c in picked)
    cells = [
        _floats(c.astype(np.float64)) if k else _words(c).astype(np.uint32)
        for c, k in zip(picked, numeric, strict=True)
    ]
    n = len(picked[0]) if picked else 0
    return np.stack(cells, axis=1) if cells else np.zeros((n, 0), dtype=np.uint32), numeric


def hashes_of_columns(columns: Mapping[str, Array], n: int) -> NDArray[np.uint64]:
    """Return a number a row, equal where all columns are."""
    parts = [
        _bits(c.astype(np.float64)) if c.dtype.kind in "fiub" else _words(c)
        for _, c in sorted(columns.items(), key=lambda item: item[0])
    ]
    return combined(np.stack(parts, axis=1)) if parts else np.zeros(n, dtype=np.uint64)


def hash_of(value: bytes) -> int:
    """Return a number of 64 bits."""
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


def hashes_of_words(values: Array) -> NDArray[np.uint64]:
    """Return a number per value; 0 where there is none."""
    return _words(values)


def _bits(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    whole = np.where(np.isnan(values), np.nan, values) + 0.0  # -0 and 0 are the same, and so is every NaN
    return np.ascontiguousarray(whole).view(np.uint64)


def _floats(values: NDArray[np.float64]) -> Cells:
    with np.errstate(over="ignore"):
        small = np.where(np.isnan(values), np.nan, values).astype(np.float32) + np.float32(0)
    return np.ascontiguousarray(small).view(np.uint32)


def _words(values: Array) -> NDArray[np.uint64]:
    known: dict[object, int] = {None: 0}
    out = np.zeros(len(values), dtype=np.uint64)
    for i, value in enumerate(values.tolist()):
        if value not in known:
            known[value] = 0 if value != value else hash_of(str(value).encode("utf-8", "surrogateescape"))  # noqa: PLR0124
        out[i] = known[value]
    return out
