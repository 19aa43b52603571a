"""The displacement scan: would other labels of the same list fit the samples better?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchladder.data.neighbours import Ints, surprise

REACH = 64  # places to either side


@dataclass(frozen=True, slots=True)
class Displacement:
    """Sample i may belong to the label at ``places[i]``; ``how`` and ``shift`` say by what rule."""

    how: str
    shift: int
    places: Ints


@dataclass(frozen=True, slots=True)
class Alignment:
    """The displacement that fits best.

    ``z_best`` and ``z_here`` count standard errors above chance at it and at none; ``z_next`` at the best one
    that is not its neighbour.
    """

    how: str
    shift: int
    score_here: float
    score_best: float
    chance: float
    z_here: float
    z_best: float
    z_next: float


def in_list(rows: Ints, total: int) -> Iterator[Displacement]:
    """Yield displacements within a list of ``total`` labels, for the samples at ``rows``.

    Shifts wrap around. "names" is the order that file names with unpadded numbers have when sorted as text,
    counted from 0 or from 1, on either side.
    """
    reach = min(REACH, total // 4)
    for s in range(-reach, reach + 1):
        yield Displacement("shift", s, (rows + s) % total)
    yield Displacement("reversed", 0, total - 1 - rows)
    for first in (0, 1):
        text = np.array(sorted(range(first, total + first), key=str)) - first
        yield Displacement("names", first, text[rows])
        yield Displacement("names", -1 - first, np.argsort(text)[rows])


def in_batches(sizes: list[int]) -> Iterator[Displacement]:
    """Yield displacements of labels within each batch, in a circle, or back to front."""
    starts = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    lengths = np.repeat(sizes, sizes)
    place = np.arange(len(starts)) - starts
    reach = min(REACH, max(sizes) // 2)
    for s in range(-reach, reach + 1):
        yield Displacement("shift", s, starts + (place + s) % lengths)
    yield Displacement("reversed", 0, starts + lengths - 1 - place)


def scan(
    labels: NDArray[np.generic], neighbours: Ints, displacements: Iterable[Displacement], *, classes: bool = True
) -> Alignment:
    """Return the displacement at which neighbouring samples have the most alike labels.

    Args:
        labels: The list that displacements point into.
        neighbours: (N, k) nearest samples of each of N samples, see ``neighbours.nearest``.
        displacements: What to try; a shift of 0 is among them.
        classes: Whether labels are classes rather than values.
    """
    tried = [(d, *surprise(labels[d.places], neighbours, classes=classes)) for d in displacements]
    here = next(t for t in tried if t[0].how == "shift" and t[0].shift == 0)
    best = max(tried, key=lambda t: (t[3], -abs(t[0].shift)))
    others = [t[3] for t in tried if t[0].how != best[0].how or abs(t[0].shift - best[0].shift) > 1]
    return Alignment(best[0].how, best[0].shift, here[1], best[1], best[2], here[3], best[3], max(others, default=0.0))
