"""Near copies among pictures, known by their thumbnails: brighter, cropped, compressed, resized, of another format.

Two pictures are copies if they are close, and so close that no two of this data's own pictures would be by nature.
How near pictures come by nature is told by the data itself: around each candidate, the number of pictures within a
distance grows as a power of it, whose exponent is measured on pictures that are near but no copies. What that
power leaves to be expected at the candidate's distance, over all pairs compared, must be less than one pair.
"""

import numpy as np
from numpy.typing import NDArray

from torchladder.data.forest import near_in_forest
from torchladder.data.likeness import VIEWS, chunks, codes, principal_axes, vectors
from torchladder.data.thumbnails import Bytes, Floats
from torchladder.data.twins import Ints, Twins, no_twins, twins

AXES = 48  # coordinates of a picture while its neighbours are looked for
AXES_FROM = 3000  # pictures that the axes are fitted to
FAR = 0.25  # distance of unit vectors: copies cropped by a tenth or saved at quality 40 are below it
REFERENCE = 2000  # pictures that tell how near pictures come by nature
SKIPPED, AROUND = 4, 24  # of those, so many nearest may be copies themselves, and so many are near
SURE = 1.0  # bits: less than half a pair is to be expected in all the data
FEWEST = 50  # pictures that tell anything about nature
CLOSEST = 1e-4  # distance below which thumbnails are equal but for rounding


def near_pictures(thumbnails: Bytes) -> Twins:
    """Return the pairs of near copies among pictures, of which no two are equal and none is blank."""
    n = len(thumbnails)
    if n < FEWEST:
        return no_twins()
    axes = principal_axes(thumbnails[_spread(n, AXES_FROM)], min(AXES, n - 1))
    own = codes(thumbnails, axes)
    views = tuple(codes(thumbnails, axes, view) for view in VIEWS)
    near = near_in_forest(own, views, FAR)
    pairs, squares = np.stack([near.asked, near.place], axis=1), near.square
    likeness = np.concatenate([np.zeros(0), *(_distance(thumbnails, pairs[part]) for part in chunks(len(pairs)))])
    close = likeness < FAR
    pairs, squares, likeness = pairs[close], squares[close], likeness[close]
    bits = _surprise(own, views, pairs, np.sqrt(squares))
    sure = bits >= SURE
    return twins(pairs[sure], 1 - likeness[sure] ** 2 / 2, bits[sure])


def _spread(n: int, most: int) -> Ints:
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def _distance(thumbnails: Bytes, pairs: Ints) -> NDArray[np.float64]:
    """Return the distance of each pair when either is seen as the other may have been altered."""
    a, b = (vectors(thumbnails[pairs[:, i]]) for i in (0, 1))
    found = ((a - b) ** 2).sum(axis=1)
    for view in VIEWS:
        for i, other in ((0, b), (1, a)):
            found = np.minimum(found, ((vectors(thumbnails[pairs[:, i]], view) - other) ** 2).sum(axis=1))
    return np.asarray(np.sqrt(found), dtype=float)


def _surprise(own: Floats, views: tuple[Floats, ...], pairs: Ints, distances: Floats) -> NDArray[np.float64]:
    """Return -log2 of how many pairs as near as each are to be expected among all pictures."""
    n = len(own)
    reference = _spread(n, REFERENCE)
    last = min(AROUND, len(reference) - 2)
    asked, back = np.unique(pairs[:, 0], return_inverse=True)
    edge, power = np.empty(len(asked)), np.empty(len(asked))
    for part in chunks(len(asked)):
        around = np.sort(_distances(own, views, asked[part], reference), axis=1)[:, SKIPPED:last]
        edge[part] = around[:, -1]
        power[part] = 1 / np.maximum(np.log(edge[part, None] / around[:, :-1]).mean(axis=1), 1e-3)
    closeness = np.log2(np.maximum(distances, CLOSEST) / edge[back])
    share = np.log2(last / len(reference)) + power[back] * np.minimum(closeness, 0)
    return np.asarray(-share - 2 * np.log2(n) + 1)


def _distances(own: Floats, views: tuple[Floats, ...], asked: Ints, reference: Ints) -> NDArray[np.float64]:
    """Return (asked, reference) distances along the axes, under the same views as candidates are found by."""
    best = np.full((len(asked), len(reference)), np.inf, dtype=np.float32)
    for first, second in ((own, own), *((v, own) for v in views), *((own, v) for v in views)):
        squares = (first[asked] ** 2).sum(axis=1)[:, None] + (second[reference] ** 2).sum(axis=1)[None]
        np.minimum(best, squares - 2 * first[asked] @ second[reference].T, out=best)
    best[asked[:, None] == reference[None]] = np.inf
    return np.sqrt(np.maximum(best, CLOSEST**2)).astype(float)
