"""Which of many rows are near each other: trees halve them along random directions; all pairs of a leaf are compared.

A tree costs N log N and its leaves have one size whatever the rows are like, so time and memory are known beforehand;
what one tree separates another keeps together. Few rows are one leaf, which compares all of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LEAF = 512  # rows compared with each other at most
WHOLE = 2048  # rows that are compared all with all
KEPT = 4  # nearest rows kept of each
TREES = 8
SEED = 20250101


class Near(NamedTuple):
    """Pairs found: which row was asked, which row is near it, and the squared distance; no pair twice."""

    asked: Ints
    place: Ints
    square: Floats


def near_in_forest(rows: Floats, asked: Floats, far: float, *, trees: int = TREES) -> Near:
    """Return the nearest rows, at most ``KEPT``, that are nearer than ``far`` to each row that is asked about.

    Args:
        rows: (N, D).
        asked: (N, D) the same rows, or how each would look altered; no row is its own neighbour.
        far: Distance from which rows are not near.
        trees: How often rows are dealt into leaves; once where they are few enough for one.
    """
    rng = np.random.default_rng(SEED)
    lengths, theirs = (rows**2).sum(axis=1), (asked**2).sum(axis=1)
    best, limits = nearest_of([], 0)[0], np.full(len(rows), far**2, dtype=np.float32)
    for _ in range(trees if len(rows) > WHOLE else 1):
        found = [best]
        for leaf, guests in _leaves(rows, asked, rng):
            found += _compared((asked, theirs), guests, (rows, lengths), leaf, limits)
        best = nearest_of(found, len(rows))[0]
        full = np.bincount(best.asked, minlength=len(rows)) == KEPT
        farthest = np.zeros(len(rows), dtype=np.float32)
        np.maximum.at(farthest, best.asked, best.square)
        limits[full] = farthest[full]  # what is no nearer than these need not be looked at again
    return best


def _leaves(rows: Floats, asked: Floats, rng: np.random.Generator) -> Iterator[tuple[Ints, Ints]]:
    """Yield the leaves of one tree: the rows in each, and those that are asked about there."""
    everything = np.arange(len(rows))
    waiting = [(everything, everything)]
    while waiting:
        inside, guests = waiting.pop()
        if len(inside) <= (WHOLE if len(rows) <= WHOLE else LEAF):
            yield inside, guests
            continue
        direction = _direction(rows, inside, rng)
        along = rows[inside] @ direction
        middle = np.median(along)
        left = along < middle
        if not left.any():  # equal rows: any halves will do
            left[: len(left) // 2] = True
        side = left if guests is inside else asked[guests] @ direction < middle
        parts = [(inside[left], guests[side]), (inside[~left], guests[~side])]
        waiting += [(rest, rest if asked is rows else own) for rest, own in parts]


def _direction(rows: Floats, inside: Ints, rng: np.random.Generator) -> Floats:
    """Return the difference of two random rows: rows vary along it, more than along a random direction."""
    direction = np.zeros(rows.shape[1], dtype=np.float32)
    for _ in range(3):
        a, b = inside[rng.integers(0, len(inside), 2)]
        direction = rows[a] - rows[b]
        if direction.any():
            break
    return direction


def _compared(
    view: tuple[Floats, Floats], asked: Ints, pool: tuple[Floats, Floats], leaf: Ints, limits: Floats
) -> Iterator[Near]:
    """Yield the near pairs of some rows, as a view shows them, with the rows of a leaf."""
    theirs, lengths = pool[0][leaf].T, pool[1][leaf]
    for start in range(0, len(asked), WHOLE):
        part = asked[start : start + WHOLE]
        squares = view[0][part] @ theirs
        squares *= -2
        squares += lengths
        squares += view[1][part, None]
        i, j = np.divmod(np.flatnonzero(squares < limits[part, None]), len(leaf))
        apart = part[i] != leaf[j]
        i, j = i[apart], j[apart]
        if len(i):
            yield nearest_of([Near(part[i], leaf[j], np.maximum(squares[i, j], 0))], 0)[0]


def nearest_of(found: list[Near], n: int) -> tuple[Near, Ints]:
    """Return the nearest ``KEPT`` of each of ``n`` rows, and which of the pairs found they are; no pair twice.

    With ``n`` 0 no pair is there twice.
    """
    asked = np.concatenate([np.zeros(0, dtype=np.int64), *(f.asked for f in found)])
    place = np.concatenate([np.zeros(0, dtype=np.int64), *(f.place for f in found)])
    square = np.concatenate([np.zeros(0, dtype=np.float32), *(f.square for f in found)])
    order = np.argsort(square, kind="stable")
    if n:
        order = order[np.sort(np.unique((asked * n + place)[order], return_index=True)[1])]
    order = order[np.argsort(asked[order], kind="stable")]
    ranked = asked[order]
    kept = order[np.arange(len(order)) - np.searchsorted(ranked, ranked) < KEPT]
    return Near(asked[kept], place[kept], square[kept]), kept
