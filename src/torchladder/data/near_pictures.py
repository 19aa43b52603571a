"""Near copies among pictures, known by their thumbnails: brighter, cropped, compressed, resized, of another format.

Two pictures are copies if they are close, and so close that no two of this data's own pictures would be by nature.
How near pictures come by nature is told by the data itself: around each candidate, the number of pictures within a
distance grows as a power of it, whose exponent is measured on pictures that are near but no copies. What that
power leaves to be expected at the candidate's distance, over all pairs compared, must be less than one pair.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchladder.data.forest import near_in_forest, nearest_of
from torchladder.data.likeness import PLAIN, VIEWS, View, chunks, codes, principal_axes, vectors
from torchladder.data.thumbnails import GREY, TINT_ZERO, Bytes, Floats
from torchladder.data.twins import Ints, Twins, no_twins, twins

AXES = 48  # coordinates of a picture while its neighbours are looked for
AXES_FROM = 3000  # pictures that the axes are fitted to
FAR = 0.25  # distance of unit vectors: copies cropped by a tenth or saved at quality 40 are below it
REFERENCE = 2000  # pictures that tell how near pictures come by nature
SKIPPED, AROUND = 4, 24  # of those, so many nearest may be copies themselves, and so many are near
SURE = 1.0  # bits: less than half a pair is to be expected in all the data
FEWEST = 50  # pictures that tell anything about nature
CLOSEST = 1e-4  # distance below which thumbnails are equal but for rounding


class Candidates(NamedTuple):
    """Pairs of pictures, their squared distances, and those along the axes."""

    asked: Ints
    place: Ints
    square: Floats
    along: Floats


def near_pictures(thumbnails: Bytes) -> Twins:
    """Return the pairs of near copies among pictures, of which no two are equal and none is blank."""
    n = len(thumbnails)
    if n < FEWEST:
        return no_twins()
    axes = principal_axes(thumbnails[_spread(n, AXES_FROM)], min(AXES, n - 1))
    own = codes(thumbnails, axes)
    views = _views(thumbnails)
    near = _candidates(thumbnails, axes, own, views)
    bits = _surprise(thumbnails, axes, own, views, near)
    sure = bits >= SURE
    pairs = np.stack([near.asked, near.place], axis=1)
    return twins(pairs[sure], 1 - near.square[sure] / 2, bits[sure])


def _views(thumbnails: Bytes) -> tuple[View, ...]:
    """Return the alterations that are looked for: what has no colours cannot lose them."""
    coloured = bool((thumbnails[_spread(len(thumbnails), AXES_FROM), GREY:] != TINT_ZERO).any())
    return tuple(v for v in VIEWS if v.colours or coloured)


def _spread(n: int, most: int) -> Ints:
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def _candidates(thumbnails: Bytes, axes: Floats, own: Floats, views: tuple[View, ...]) -> Candidates:
    """Return the pairs that are close as they are or when the first is altered."""
    found = [near_in_forest(own, own, FAR)]
    found += [near_in_forest(own, codes(thumbnails, axes, view), FAR) for view in views]
    near, kept = nearest_of(found, len(own))
    by_view = np.repeat(np.arange(len(found)), [len(f.asked) for f in found])[kept]
    squares = np.empty(len(kept), dtype=np.float32)
    for i, view in enumerate((PLAIN, *views)):
        seen = np.flatnonzero(by_view == i)
        for part in chunks(len(seen)):
            at = seen[part]
            apart = vectors(thumbnails[near.asked[at]], view) - vectors(thumbnails[near.place[at]])
            squares[at] = (apart**2).sum(axis=1)
    close = squares < FAR**2
    return Candidates(near.asked[close], near.place[close], squares[close], near.square[close])


def _surprise(
    thumbnails: Bytes, axes: Floats, own: Floats, views: tuple[View, ...], near: Candidates
) -> NDArray[np.float64]:
    """Return -log2 of how many pairs as near as each are to be expected among all pictures."""
    n = len(own)
    reference = _spread(n, REFERENCE)
    last = min(AROUND, len(reference) - 2)
    asked, back = np.unique(near.asked, return_inverse=True)
    shown = [codes(thumbnails[reference], axes, view) for view in views]
    edge, power = np.empty(len(asked)), np.empty(len(asked))
    for part in chunks(len(asked)):
        rows = asked[part]
        squares = _squares(own[rows], own[reference])
        for view, theirs in zip(views, shown, strict=True):
            np.minimum(squares, _squares(codes(thumbnails[rows], axes, view), own[reference]), out=squares)
            np.minimum(squares, _squares(own[rows], theirs), out=squares)
        squares[rows[:, None] == reference[None]] = np.inf
        squares.partition(last, axis=1)
        around = np.sqrt(np.maximum(np.sort(squares[:, : last + 1], axis=1)[:, SKIPPED:last], CLOSEST**2)).astype(float)
        edge[part] = around[:, -1]
        power[part] = 1 / np.maximum(np.log(edge[part, None] / around[:, :-1]).mean(axis=1), 1e-3)
    closeness = np.log2(np.sqrt(np.maximum(near.along, CLOSEST**2)) / edge[back])
    share = np.log2(last / len(reference)) + power[back] * np.minimum(closeness, 0)
    return np.asarray(-share - 2 * np.log2(n) + 1, dtype=float)


def _squares(a: Floats, b: Floats) -> Floats:
    """Return (len(a), len(b)) squared distances."""
    squares = a @ b.T
    squares *= -2
    squares += (b**2).sum(axis=1)
    squares += (a**2).sum(axis=1)[:, None]
    return squares
