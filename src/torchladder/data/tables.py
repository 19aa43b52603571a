"""Columns of any type as numbers: words by their place in the alphabet, gaps filled and told apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEVELS = 50  # different words of a column that is looked at; more are names
GAPS = 0.01  # share of missing values from which being missing is a column of its own


@dataclass(frozen=True, slots=True)
class Coded:
    """Samples of all sides as one matrix.

    Attributes:
        names: Of the columns of ``matrix``; "X missing" for the gaps of X.
        numeric: Which columns were numbers from the first.
        left: Columns of words too various to be looked at.
    """

    matrix: NDArray[np.float64]
    names: tuple[str, ...]
    numeric: tuple[int, ...]
    left: tuple[str, ...]


def coded(cells: list[tuple[Any, ...]], columns: tuple[str, ...]) -> Coded:
    """Return rows of cells as a matrix."""
    out: list[NDArray[np.float64]] = []
    names, numeric, left = [], [], []
    for j, name in enumerate(columns):
        values = [row[j] for row in cells]
        empty = np.array([v is None or v != v for v in values], dtype=bool)  # noqa: PLR0124 - NaN is not itself
        column = _as_numbers(values, empty)
        if column is None:
            column = _as_levels(values, empty)
        else:
            numeric.append(len(out))
        if column is None:
            left.append(name)
            continue
        known = column[~empty]
        out.append(np.where(empty, known.mean() if len(known) else 0.0, column))
        names.append(name)
        if GAPS <= empty.mean() < 1:
            out.append(empty.astype(float))
            names.append(f"{name} missing")
    matrix = np.stack(out, axis=1) if out else np.zeros((len(cells), 0))
    return Coded(matrix, tuple(names), tuple(numeric), tuple(left))


def _as_numbers(values: list[Any], empty: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    if any(isinstance(v, str | bytes) for v in values):
        return None
    try:
        column = np.array([np.nan if e else float(v) for v, e in zip(values, empty, strict=True)])
    except (TypeError, ValueError):
        return None
    return np.where(
        np.isinf(column), np.nan_to_num(np.sign(column)) * np.abs(column[np.isfinite(column)]).max(initial=0), column
    )


def _as_levels(values: list[Any], empty: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    words = np.array(["" if e else str(v) for v, e in zip(values, empty, strict=True)], dtype=object)
    known, ids = np.unique(words, return_inverse=True)
    return ids.astype(float) if len(known) <= LEVELS else None
