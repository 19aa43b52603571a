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


def near_in_forest(rows: Floats, views: tuple[Floats, ...], far: float, *, trees: int = TREES) -> Near:
    """Return the nearest rows of each row that are nearer than ``far``, at most ``KEPT``.

    Args:
        rows: (N, D).
        views: (N, D) each: how a row would look altered; its distance to another is the smallest under any view.
        far: Distance from which rows are not near.
        trees: How often rows are dealt into leaves; once where they are few enough for one.
    """
    rng = np.random.default_rng(SEED)
    lengths = [(v**2).sum(axis=1) for v in (rows, *views)]
    best: Near | None = None
    for _ in range(trees if len(rows) > WHOLE else 1):
        found = [] if best is None else [best]
        for leaf, guests in _leaves(rows, views, rng):
            for view, length, asked in zip((rows, *views), lengths, (leaf, *guests), strict=True):
                found += _compared((view, length), asked, (rows, lengths[0]), leaf, far**2)
        best = _nearest(found, len(rows))
    return best if best is not None else _nearest([], len(rows))


def _leaves(rows: Floats, views: tuple[Floats, ...], rng: np.random.Generator) -> Iterator[tuple[Ints, list[Ints]]]:
    """Yield the leaves of one tree: the rows in each, and for each view the rows whose view falls into it."""
    everything = np.arange(len(rows))
    waiting = [(everything, [everything] * len(views))]
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
        sides = [views[v][g] @ direction < middle for v, g in enumerate(guests)]
        waiting.append((inside[left], [g[s] for g, s in zip(guests, sides, strict=True)]))
        waiting.append((inside[~left], [g[~s] for g, s in zip(guests, sides, strict=True)]))


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
    view: tuple[Floats, Floats], asked: Ints, pool: tuple[Floats, Floats], leaf: Ints, far: float
) -> Iterator[Near]:
    """Yield the near pairs of some rows, as a view shows them, with the rows of a leaf."""
    theirs, lengths = pool[0][leaf].T, pool[1][leaf]
    for start in range(0, len(asked), WHOLE):
        part = asked[start : start + WHOLE]
        squares = view[0][part] @ theirs
        squares *= -2
        squares += lengths
        squares += view[1][part, None]
        i, j = np.nonzero(squares < far)
        apart = part[i] != leaf[j]
        i, j = i[apart], j[apart]
        if len(i):
            yield _nearest([Near(part[i], leaf[j], np.maximum(squares[i, j], 0))], 0)


def _nearest(found: list[Near], n: int) -> Near:
    """Return the nearest ``KEPT`` of each row; with ``n`` rows in all, a pair found more than once counts once."""
    asked = np.concatenate([np.zeros(0, dtype=np.int64), *(f.asked for f in found)])
    place = np.concatenate([np.zeros(0, dtype=np.int64), *(f.place for f in found)])
    square = np.concatenate([np.zeros(0, dtype=np.float32), *(f.square for f in found)])
    if n:
        order = np.lexsort((square, asked * n + place))
        code = (asked * n + place)[order]
        order = order[np.concatenate([[True], code[1:] != code[:-1]])] if len(code) else order
        asked, place, square = asked[order], place[order], square[order]
    order = np.lexsort((square, asked))
    starts = np.searchsorted(asked[order], asked[order])
    kept = order[np.arange(len(order)) - starts < KEPT]
    return Near(asked[kept], place[kept], square[kept])
