"""Views that split or join axes as if they lay in another order than they do.

`[B, T, C]` viewed as `[B, H, T, D]` (heads before time), `[B, H, T, D]` as `[B, T, C]` (heads joined without being
moved back), `[B, C, H, W]` as `[B, H W, C]` (tokens of a picture), `[B, H W, C]` as `[B, C, H, W]`: the sizes are those
of a permute with a split or a join, and no axis is moved.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Sizes = tuple[int, ...]
SAMPLE = 2  # least axes of a sample on the side that has fewer


class Moved(NamedTuple):
    """What would have moved the axes: view as ``fine``, permute by ``axes``, join to the sizes that were asked for."""

    fine: Sizes
    axes: tuple[int, ...]


def as_moved(before: Sequence[int], after: Sequence[int]) -> Moved | None:
    """Return how the axes within samples would be moved, None where the view keeps their order or it cannot be told.

    Axis 0 holds the samples and has to stay. Axes of size 1 are not looked at.
    """
    if before[0] != after[0] or min(before) < 2:  # noqa: PLR2004 - an axis that can be moved
        return None
    inner, outer = tuple(before[1:]), tuple(after[1:])
    if min(outer, default=0) < 2 or min(len(inner), len(outer)) < SAMPLE:  # noqa: PLR2004 - as above
        return None
    if len(inner) == len(outer) + 1:
        found = _joined(inner, outer)
        return None if found is None else Moved(tuple(before), (0, *(a + 1 for a in found)))
    if len(outer) == len(inner) + 1:
        found = _joined(outer, inner)
        if found is None:
            return None
        back = sorted(range(len(found)), key=found.__getitem__)
        return Moved((before[0], *(outer[a] for a in found)), (0, *(a + 1 for a in back)))
    return None


def _joined(many: Sizes, few: Sizes) -> tuple[int, ...] | None:
    """Return the only order of ``many`` in which joining two neighbours gives ``few``; None if their own order does."""
    if few in set(_joins(many)):
        return None
    orders = [o for o in itertools.permutations(range(len(many))) if few in set(_joins([many[a] for a in o]))]
    # Of two axes that are joined either may come first; the one that keeps their order is meant.
    kept = [o for o in orders if _is_kept(o, [many[a] for a in o], few)]
    return kept[0] if len(kept) == 1 else None


def _joins(sizes: Sequence[int]) -> Iterator[Sizes]:
    for i in range(len(sizes) - 1):
        yield (*sizes[:i], sizes[i] * sizes[i + 1], *sizes[i + 2 :])


def _is_kept(order: tuple[int, ...], sizes: Sequence[int], few: Sizes) -> bool:
    """Return whether the two axes that are joined keep their order."""
    return any(made == few and order[i] < order[i + 1] for i, made in enumerate(_joins(sizes)))
