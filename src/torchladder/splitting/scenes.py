"""Scenes: runs of consecutive samples that resemble each other as frames of one film do.

Two neighbours in the order of the data are of one scene if they are nearer than all but one in a hundred pairs
that are far apart in that order and have one label. Samples that merely lie sorted are no nearer than that, so
there are scenes only where far more neighbours are so near than one in a hundred.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.sets.block import Array

PAIRS = 20_000  # random pairs of one label that tell how near samples are by nature
NEAR = 0.01  # share of those that are as near as neighbours of one scene
MANY = 0.2  # share of the neighbours that must be so near; chance gives NEAR
FEWEST = 50  # samples below which nothing is said
APART = 100  # places by which two samples of a random pair are apart at least, where there are enough
SEED = 20250101
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Scenes:
    """The scene of each sample, and what was seen.

    Attributes:
        number: Of the scene that each sample is in, in the order of the data.
        count: Scenes of two samples and more; ``longest`` the samples of the longest.
        near: Share of neighbours that are near.
    """

    number: NDArray[np.int64]
    count: int
    longest: int
    near: float


def find_scenes(
    trace: Array | None, labels: Array | None, names: Sequence[str], *, table: bool = False
) -> Scenes | None:
    """Return the scenes of samples, None where there are none or nobody could look.

    Args:
        trace: (N, F) what each sample looks like.
        labels: Of each sample, where there are any.
        names: Of files, which are put in the order of their numbers; empty for samples that lie in order.
        table: Whether each column has a scale of its own; points of a picture share one.
    """
    if trace is None or len(trace) < FEWEST or trace.shape[1] < 2:  # noqa: PLR2004 - one number says too little
        return None
    order = in_order_of(names) if len(names) == len(trace) else np.arange(len(trace))
    x = scaled(trace, each=table)[order]
    own = labels[order] if labels is not None else None
    # A scene stays within one folder: what is next to it in the order is another one.
    folders = np.array([names[i].rpartition("/")[0] for i in order]) if len(names) == len(trace) else None
    edge = natural_edge(x, own)
    if edge is None:
        return None
    steps = ((x[1:] - x[:-1]) ** 2).mean(axis=1)
    near = steps < edge
    if folders is not None:
        near &= folders[1:] == folders[:-1]
    share = float(near.mean())
    if share < MANY:
        return None
    runs = np.concatenate([[0], np.cumsum(~near)])
    sizes = np.bincount(runs)
    number = np.empty(len(x), dtype=np.int64)
    number[order] = runs
    return Scenes(number, int((sizes > 1).sum()), int(sizes.max()), share)


def natural_edge(x: Array, labels: Array | None) -> float | None:
    """Return the squared distance that one in a hundred pairs of one label, far apart in the order, is within."""
    n = len(x)
    rng = np.random.default_rng(SEED)
    first, second = rng.integers(0, n, (2, PAIRS))
    kept = np.abs(first - second) >= min(APART, n // 4)
    if labels is not None:
        words = np.unique(labels.astype(str), return_inverse=True)[1]
        alike = words[first] == words[second]
        kept = kept & alike if int((kept & alike).sum()) >= FEWEST else kept
    if int(kept.sum()) < FEWEST:
        return None
    apart = ((x[first[kept]] - x[second[kept]]) ** 2).mean(axis=1)
    edge = float(np.quantile(apart, NEAR))
    return edge if edge > 0 else None


def scaled(trace: Array, *, each: bool) -> NDArray[np.float64]:
    """Return columns with mean 0 and, if ``each`` has a scale of its own, deviation 1; missing values are the mean."""
    x = trace.astype(np.float64)
    x[~np.isfinite(x)] = np.nan
    with np.errstate(all="ignore"):
        known = np.isfinite(x).any(axis=0)
        x = x[:, known]
        mean, std = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    return np.asarray(np.nan_to_num((x - mean) / (np.where(std > 0, std, 1.0) if each else 1.0)))


def in_order_of(names: Sequence[str]) -> NDArray[np.int64]:
    """Return the order of file names in which frame 10 follows frame 9."""

    def key(i: int) -> list[tuple[int, int, str]]:
        parts = DIGITS.split(names[i])
        return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts]

    return np.array(sorted(range(len(names)), key=key), dtype=np.int64)
