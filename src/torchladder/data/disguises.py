"""The label among the columns: under other names, on another scale, in its order, or in parts that sum up to it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from torchladder.data.features import Matrix

Labels = NDArray[np.generic]

ROUNDED = 1e-6  # share of the variance that rounding leaves: an amount in cents, a number of six digits
GAPS = 0.1  # of the samples: those that have one value together where the column has none of its own
FEW = 50  # different values below which an order is soon the same by chance
WHOLE = 1e-3  # by which a factor may miss 1 or -1
PARTS_MAX = 4  # columns that sum up to the label


class Disguise(NamedTuple):
    """How the label lies in the table: "names", "scale", "order", "sum" or "indicators", and in which columns."""

    how: str
    columns: tuple[int, ...]


def disguised(table: Matrix, labels: Labels, *, classes: bool) -> Disguise | None:
    """Return how the label lies in a table as it is, None where it does not.

    Args:
        table: (N, D) columns, not standardised.
        labels: Classes or values.
        classes: Which of the two.
    """
    if classes:
        return _of_classes(table, labels)
    values = np.asarray(labels, dtype=float)
    return _copied(table, values) or _summed(table, values) if len(np.unique(values)) > 1 else None


def _of_classes(table: Matrix, labels: Labels) -> Disguise | None:
    names, ids = np.unique(labels, return_inverse=True)
    if len(names) < 2:  # noqa: PLR2004 - one class is in every column
        return None
    marks: dict[int, int] = {}
    for j, column in enumerate(table.T):
        different, cells = np.unique(column, return_inverse=True)
        if len(different) in {len(names), len(names) + 1} and _is_renamed(cells, ids, len(names)):
            return Disguise("names", (j,))
        if len(different) == 2 and len(names) > 2:  # noqa: PLR2004 - yes or no
            marked = _marked(cells, ids, len(names))
            if marked is not None:
                marks.setdefault(marked, j)
    return Disguise("indicators", tuple(sorted(marks.values()))) if len(marks) >= len(names) - 1 > 1 else None


def _is_renamed(cells: NDArray[np.int64], ids: NDArray[np.int64], k: int) -> bool:
    """Tell whether each value goes with one class and each class with one value, gaps (of one value more) aside."""
    table = np.zeros((int(cells.max()) + 1, k), dtype=np.int64)
    np.add.at(table, (cells, ids), 1)
    if len(table) > k:
        mixed = (table > 0).sum(axis=1)
        gap = int(np.argmax(mixed))
        if mixed[gap] < 2 or table[gap].sum() > GAPS * len(ids):  # noqa: PLR2004 - a value of one class is no gap
            return False
        table = np.delete(table, gap, axis=0)
    known = table > 0
    return bool((known.sum(axis=0) == 1).all() and (known.sum(axis=1) == 1).all())


def _marked(cells: NDArray[np.int64], ids: NDArray[np.int64], k: int) -> int | None:
    """Return the class that a column of two values marks without fail, None if it marks none."""
    ones = np.bincount(ids, weights=cells, minlength=k)
    counts = np.bincount(ids, minlength=k)
    all_one, all_zero = np.flatnonzero(ones == counts), np.flatnonzero(ones == 0)
    if len(all_one) == 1 and len(all_zero) == k - 1:
        return int(all_one[0])
    return int(all_zero[0]) if len(all_zero) == 1 and len(all_one) == k - 1 else None


def _copied(table: Matrix, values: NDArray[np.float64]) -> Disguise | None:
    """Return the column that is the label on another scale, or in the same order to the last tie."""
    centred, target = table - table.mean(axis=0), values - values.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = (target @ centred) ** 2 / ((centred**2).sum(axis=0) * (target**2).sum())
    exact = np.flatnonzero(np.nan_to_num(shared) >= 1 - ROUNDED)
    if len(exact):
        return Disguise("scale", (int(exact[0]),))
    ranks = stats.rankdata(values)
    if len(np.unique(ranks)) < FEW:
        return None
    for j, column in enumerate(table.T):
        own = stats.rankdata(column)
        if np.array_equal(own, ranks) or np.array_equal(own, len(ranks) + 1 - ranks):
            return Disguise("order", (j,))
    return None


def _summed(table: Matrix, values: NDArray[np.float64]) -> Disguise | None:
    """Return the few columns that sum up to the label, signs aside; a sum of all columns is a task, not a leak."""
    n, d = table.shape
    if n < 2 * d + PARTS_MAX or not np.isfinite(table).all():
        return None
    spread = table.std(axis=0)
    usable = np.flatnonzero(spread > 0)
    scaled = np.column_stack([table[:, usable] / spread[usable], np.ones(n)])
    weights, *_ = np.linalg.lstsq(scaled, values, rcond=None)
    left = float(((scaled @ weights - values) ** 2).mean())
    if left > ROUNDED * float(values.var()):
        return None
    factors = weights[:-1] / spread[usable]
    parts = usable[np.abs(weights[:-1]) > np.sqrt(ROUNDED) * float(values.std())]
    chosen = np.isin(usable, parts)
    if not 2 <= len(parts) <= min(PARTS_MAX, d - 1) or (np.abs(np.abs(factors[chosen]) - 1) > WHOLE).any():  # noqa: PLR2004
        return None
    return Disguise("sum", tuple(int(p) for p in parts))
