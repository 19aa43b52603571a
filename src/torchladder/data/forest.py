"""The nearest of many rows: trees that halve them along random directions, and every pair within a leaf compared.

A tree costs N log N and its leaves have one size whatever the rows are like, so time and memory are known beforehand;
what one tree separates another keeps together. Few rows are one leaf, which compares all of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LEAF = 512  # rows compared with each other
KEPT = 4  # nearest rows kept of each
TREES = 8
SEED = 20250101


class Near(NamedTuple):
    """The nearest rows found of each: (N, k) places, -1 for none, and squared distances."""

    places: Ints
    squares: Floats


def nearest_in_forest(rows: Floats, views: tuple[Floats, ...] = (), *, trees: int = TREES, kept: int = KEPT) -> Near:
    """Return the nearest rows of each row, also under its other views.

    Args:
        rows: (N, D).
        views: (N, D) each: how a row would look altered; its distance to another is the smallest under any view.
        trees: How often rows are dealt into leaves; once where they are few enough for one.
        kept: Rows to return of each.
    """
    found = Near(np.full((len(rows), kept), -1, dtype=np.int64), np.full((len(rows), kept), np.inf, dtype=np.float32))
    rng = np.random.default_rng(SEED)
    for _ in range(trees if len(rows) > LEAF * 4 else 1):
        for leaf, guests in _leaves(rows, views, rng):
            _compare(rows, views, leaf, guests, found)
    return found


def _leaves(rows: Floats, views: tuple[Floats, ...], rng: np.random.Generator) -> list[tuple[Ints, list[Ints]]]:
    """Return leaves of one tree: the rows in each, and for each view the rows whose view falls into it."""
    everything = np.arange(len(rows))
    waiting = [(everything, [everything] * len(views))]
    done = []
    while waiting:
        inside, guests = waiting.pop()
        if len(inside) <= LEAF * (4 if len(rows) <= LEAF * 4 else 1):
            done.append((inside, guests))
            continue
        direction = _direction(rows[inside], rng)
        along = rows[inside] @ direction
        middle = np.median(along)
        left = along < middle
        if not left.any() or left.all():  # equal rows: any halves will do
            left = np.arange(len(inside)) < len(inside) // 2
        sides = [views[v][g] @ direction < middle for v, g in enumerate(guests)]
        waiting.append((inside[left], [g[s] for g, s in zip(guests, sides, strict=True)]))
        waiting.append((inside[~left], [g[~s] for g, s in zip(guests, sides, strict=True)]))
    return done


def _direction(rows: Floats, rng: np.random.Generator) -> Floats:
    """Return the difference of two random rows: rows vary along it, more than along a random direction."""
    for _ in range(3):
        a, b = rng.choice(len(rows), 2, replace=False)
        if (rows[a] != rows[b]).any():
            break
    return np.asarray(rows[a] - rows[b], dtype=np.float32)


def _compare(rows: Floats, views: tuple[Floats, ...], leaf: Ints, guests: list[Ints], found: Near) -> None:
    """Compare all rows of a leaf, and the views that fell into it, and keep the nearest."""
    for start in range(0, len(leaf), LEAF):
        _keep(found, leaf[start : start + LEAF], leaf, _squares(rows[leaf[start : start + LEAF]], rows[leaf]))
    for view, asked in zip(views, guests, strict=True):
        for start in range(0, len(asked), LEAF):
            part = asked[start : start + LEAF]
            _keep(found, part, leaf, _squares(view[part], rows[leaf]))


def _squares(a: Floats, b: Floats) -> Floats:
    lengths = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)[None]
    return np.asarray(np.maximum(lengths - 2 * (a @ b.T), 0), dtype=np.float32)


def _keep(found: Near, asked: Ints, pool: Ints, squares: Floats) -> None:
    squares[asked[:, None] == pool[None]] = np.inf  # a row is not its own neighbour
    k = min(found.places.shape[1], len(pool))
    best = np.argpartition(squares, k - 1, axis=1)[:, :k]
    places = np.concatenate([found.places[asked], pool[best]], axis=1)
    distances = np.concatenate([found.squares[asked], np.take_along_axis(squares, best, axis=1)], axis=1)
    order = np.argsort(places, axis=1, kind="stable")  # the same row found twice counts once, at its smaller distance
    places, distances = np.take_along_axis(places, order, 1), np.take_along_axis(distances, order, 1)
    order = np.argsort(distances, axis=1, kind="stable")
    places, distances = np.take_along_axis(places, order, 1), np.take_along_axis(distances, order, 1)
    for i in range(1, places.shape[1]):
        again = (places[:, :i] == places[:, i : i + 1]).any(axis=1)
        distances[again, i] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")[:, : found.places.shape[1]]
    found.squares[asked] = np.take_along_axis(distances, order, 1)
    kept = np.take_along_axis(places, order, 1)
    kept[~np.isfinite(found.squares[asked])] = -1
    found.places[asked] = kept
