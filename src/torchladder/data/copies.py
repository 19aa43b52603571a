"""Altered copies: samples that come in small groups of one size, each group far tighter than the gaps between.

Whoever enlarges a collection makes the same number of noisy, brighter or shifted copies of every sample. Joined
nearest first (single linkage), such samples fall into groups of exactly that size before any two groups meet;
samples drawn one by one never do, however near their twins may be.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from torchladder.core.data_facts import CopiesFact
from torchladder.data.duplicates import coincidence
from torchladder.data.features import TABLE, Matrix, as_matrix, narrow
from torchladder.data.neighbours import squared_distances

Array = NDArray[np.generic]
Ints = NDArray[np.int64]

ROWS = 2000  # samples joined: 2 million distances
SEEDS = 60  # of more samples, so many are looked at, each with those around it
SIZE_MAX = 32  # copies of one sample; more are a class
CLASSES_SHARE = 3  # groups a class has at least, on average: fewer groups may be the classes themselves
CLEAR = 4.0  # deviations within a group, below which two groups are not told apart


class Cut(NamedTuple):
    """The moment of the joining at which most samples are in groups of one size."""

    size: int
    share: float
    at: int


def find_copies(x: Array, y: Array, side: Ints, *, classes: bool) -> CopiesFact | None:
    """Return what groups of one size there are, None where samples come one by one.

    Args:
        x: (N, ...) samples of all sides, none twice.
        y: (N,) their labels or values.
        side: (N,) 0 for training, 1 for the held-out side that is asked about, more for what only makes groups whole.
        classes: Whether the labels are classes.
    """
    found = [_groups(matrix, y, side, classes=classes) for matrix in _readings(x)]
    return max((f for f in found if f is not None), key=lambda f: f.share, default=None)


def _readings(x: Array) -> list[Matrix]:
    """Return samples as matrices; rows of a table as they are, too, where columns of mere noise stay small."""
    if x.ndim != TABLE:
        return [as_matrix(x)]
    return [as_matrix(x), narrow(np.nan_to_num(np.asarray(x, dtype=np.float64), posinf=0.0, neginf=0.0))]


def _groups(matrix: Matrix, y: Array, side: Ints, *, classes: bool) -> CopiesFact | None:
    rows, seeds = _rows(matrix, side <= 1)
    links = linkage(matrix[rows], "single")
    cut = _best_cut(links, seeds)
    lengths = links[:, 2]
    inside, between = lengths[: cut.at + 1], lengths[cut.at + 1 :]
    if cut.size == 0 or not len(between) or not inside[-1] < between[0]:
        return None
    names = fcluster(links, float(inside[-1]), criterion="distance")
    groups = [rows[names == name] for name, n in Counter(names.tolist()).items() if n == cut.size]
    shared = [g for g in groups if (side[g] == 0).any() and (side[g] == 1).any()]
    one = [bool((y[g] == y[g][0]).all()) for g in groups]
    labels = len({y[g][0].item() for g in groups})
    told = labels * CLASSES_SHARE <= len(groups) if classes else labels * 2 > len(groups)
    asked = rows[seeds & (side[rows] == 1)]
    torn = np.isin(asked, np.concatenate(shared)) if shared else np.zeros(len(asked), dtype=bool)
    return CopiesFact(
        size=cut.size,
        share=cut.share,
        groups=len(groups),
        apart=float(np.quantile(between, 0.1) / max(float(np.quantile(inside, 0.9)), 1e-12)),
        one_label=float(np.mean(one)) if told else 0.0,
        held=float(torn.mean()) if len(asked) else 0.0,
        bits=_bits(matrix, groups),
        examples=tuple((_place(g, side, 0), _place(g, side, 1)) for g in shared[:3]),
    )


def _place(group: Ints, side: Ints, which: int) -> int:
    """Return the place of a group's first sample of one side within that side."""
    return int((side[: group[side[group] == which][0]] == which).sum())


def _rows(matrix: Matrix, asked: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the rows to join, and which of them are judged: all asked, or a few with all that lie around them."""
    n = len(matrix)
    if n <= ROWS:
        return np.arange(n), asked
    chosen = np.random.default_rng(0).choice(np.flatnonzero(asked), min(SEEDS, int(asked.sum())), replace=False)
    near = np.argpartition(squared_distances(matrix[chosen], matrix), SIZE_MAX, axis=1)[:, : SIZE_MAX + 1]
    rows = np.unique(np.concatenate([chosen, near.ravel()]))
    return rows, np.isin(rows, chosen)


def _best_cut(links: Matrix, seeds: NDArray[np.bool_]) -> Cut:
    """Return when the largest share of the seeds is in groups of one size, from 2 to ``SIZE_MAX``."""
    n = len(seeds)
    sizes, judged = [1] * n, [int(s) for s in seeds]
    having: Counter[int] = Counter({1: sum(judged)})
    best = Cut(0, 0.0, 0)
    for i, (a, b, _, size) in enumerate(links):
        first, second = int(a), int(b)
        having[sizes[first]] -= judged[first]
        having[sizes[second]] -= judged[second]
        sizes.append(int(size))
        judged.append(judged[first] + judged[second])
        having[sizes[-1]] += judged[-1]
        share = having[sizes[-1]] / max(int(seeds.sum()), 1)
        if sizes[-1] <= SIZE_MAX and share > best.share:
            best = Cut(sizes[-1], share, i)
    return best


def _bits(matrix: Matrix, groups: list[Ints]) -> float:
    """Return what two groups would have to agree on by chance, in steps that their copies can tell apart."""
    if len(groups) < 2:  # noqa: PLR2004 - nothing to compare
        return 0.0
    centres = np.stack([matrix[g].mean(axis=0) for g in groups])
    within = np.sqrt(np.mean([matrix[g].var(axis=0) for g in groups], axis=0))
    step = np.where(within > 0, CLEAR * within, np.inf)
    return coincidence(np.round(centres / step))[0]
