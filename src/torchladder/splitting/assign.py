"""Which side each unit goes to: shares as wished for all samples and for each class, units never torn apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
TRIES = 12  # orders of the units that are tried; the best is taken
TRIES_UNITS = 20_000  # units above which one order will do: their rounding is small


@dataclass(frozen=True, slots=True)
class Shares:
    """What is to be dealt out: a unit and a class for each sample, and the share of each side."""

    units: Ints
    classes: Ints
    fractions: tuple[float, ...]


def assign(shares: Shares, seed: int) -> Ints:
    """Return the side of each sample: units of several are dealt out first, single samples fill what is left."""
    sizes = np.bincount(shares.units)
    large = np.flatnonzero(sizes > 1)
    tries = 1 if len(large) > TRIES_UNITS or not len(large) else TRIES
    rngs = [np.random.default_rng([seed, t]) for t in range(tries)]
    found = [_once(shares, sizes, large, rng) for rng in rngs]
    return min(found, key=lambda sides: unevenness(shares, sides))


def unevenness(shares: Shares, sides: Ints) -> float:
    """Return how far a split is from the wish: an empty side is worse than anything else."""
    table = tabled(shares.classes, sides, len(shares.fractions))
    totals = np.maximum(table.sum(axis=0), 1)
    apart = np.abs(table / totals - np.array(shares.fractions)[:, None])
    size = np.abs(table.sum(axis=1) / max(table.sum(), 1) - np.array(shares.fractions)).sum()
    return float(1000 * (table.sum(axis=1) == 0).sum() + size + (apart * totals).sum() / totals.sum())


def tabled(classes: Ints, sides: Ints, n_sides: int) -> NDArray[np.int64]:
    """Return (sides, classes) how many samples there are; those on no side (-1) are left out."""
    n_classes = int(classes.max(initial=-1)) + 1
    table = np.zeros((n_sides, max(n_classes, 1)), dtype=np.int64)
    on = sides >= 0
    np.add.at(table, (sides[on], classes[on]), 1)
    return table


def _once(shares: Shares, sizes: Ints, large: Ints, rng: np.random.Generator) -> Ints:
    classes, fractions = shares.classes, np.array(shares.fractions)
    totals = np.bincount(classes).astype(float)
    wish = fractions[:, None] * totals[None]
    have = np.zeros_like(wish)
    side_of_unit = np.full(len(sizes), -1, dtype=np.int64)
    _deal(shares, sizes, large, (wish, have, totals), side_of_unit, rng)
    sides = side_of_unit[shares.units]
    _fill(sides, classes, wish - have, rng)
    _fill_empty(sides, shares.units, len(fractions))
    return sides


def _fill_empty(sides: Ints, units: Ints, n_sides: int) -> None:
    """Give each side that has nothing the smallest unit of the side with the most units."""
    for side in range(n_sides):
        if (sides == side).any():
            continue
        owners = [np.unique(units[sides == s], return_counts=True) for s in range(n_sides)]
        names, sizes = max(owners, key=lambda own: len(own[0]))
        if len(names) > 1:
            sides[units == names[np.argmin(sizes)]] = side


def _deal(
    shares: Shares,
    sizes: Ints,
    large: Ints,
    tables: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    side_of_unit: Ints,
    rng: np.random.Generator,
) -> None:
    """Put each unit of several samples where it is missed most, the largest first."""
    wish, have, totals = tables
    order = large[np.lexsort((rng.random(len(large)), -sizes[large]))]
    by_unit = np.argsort(shares.units, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n, singles, seen = len(shares.units), int((sizes == 1).sum()), np.zeros(len(wish), dtype=bool)
    for i, unit in enumerate(order):
        rows = by_unit[starts[unit] : starts[unit + 1]]
        ids, counts = np.unique(shares.classes[rows], return_counts=True)
        missed = ((have[:, ids] - wish[:, ids]) * (counts / totals[ids])).sum(axis=1)
        missed += (have.sum(axis=1) - wish.sum(axis=1)) * len(rows) / n
        left = len(order) - i + singles
        if left <= (~seen).sum():  # one for each side that has none yet
            missed = np.where(seen, np.inf, missed)
        side = int(np.argmin(missed))
        side_of_unit[unit], seen[side] = side, True
        have[side, ids] += counts


def _fill(sides: Ints, classes: Ints, need: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Give single samples to the sides, class by class, in the shares still needed; rounding is carried on."""
    alone = np.flatnonzero(sides < 0)
    alone = alone[np.lexsort((rng.random(len(alone)), classes[alone]))]
    ids, starts = np.unique(classes[alone], return_index=True)
    carried = np.zeros(len(need))
    for class_id, rows in zip(ids, np.split(alone, starts[1:]) if len(alone) else [], strict=True):
        wanted = np.maximum(need[:, class_id], 0)
        wanted = wanted / wanted.sum() * len(rows) if wanted.sum() else np.full(len(need), len(rows) / len(need))
        lacking = (need[:, class_id] > 0) & (len(rows) >= len(need))  # each side gets one where there are enough
        quota = whole_numbers(wanted, carried, len(rows), lacking.astype(np.int64))
        sides[rows] = np.repeat(np.arange(len(need)), quota)
        carried += wanted - quota


def whole_numbers(wanted: NDArray[np.float64], carried: NDArray[np.float64], n: int, least: Ints) -> Ints:
    """Return whole numbers near ``wanted`` that sum to ``n``, owing to ``carried`` what was rounded away before."""
    quota = np.maximum(np.floor(wanted).astype(np.int64), least)
    while quota.sum() > n:
        over = np.where(quota > least, quota - wanted, -np.inf)
        quota[int(np.argmax(over))] -= 1
    while quota.sum() < n:
        quota[int(np.argmax(wanted + carried - quota))] += 1
    return quota
