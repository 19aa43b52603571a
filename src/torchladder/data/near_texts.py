"""Near copies among texts: most phrases in common. Candidates have a few equal numbers in their sketches."""

import numpy as np
from numpy.typing import NDArray

from torchladder.data.bands import combined, pairs_by_band
from torchladder.data.twins import Twins, twins
from torchladder.data.word_sketches import BINS, EMPTY, Sketches

BAND = 4  # numbers that have to be equal; texts with three quarters of their phrases in common miss all bands in 0.3 %
ALIKE = 0.75  # share of phrases in common from which a text is a copy
CHUNK = 65_536  # pairs compared together


def near_texts(sketches: Sketches) -> Twins:
    """Return the pairs of texts that have most of their phrases in common; equal texts are not given twice."""
    whole = _filled(sketches)
    bands = [combined(whole[:, i : i + BAND].astype(np.uint64)) for i in range(0, BINS, BAND)]
    pairs = pairs_by_band(bands)
    likeness = np.concatenate([
        np.zeros(0),
        *(_common(sketches, pairs[i : i + CHUNK]) for i in range(0, len(pairs), CHUNK)),
    ])
    alike = likeness >= ALIKE
    shared = likeness[alike] * BINS  # each equal number is one of billions
    return twins(pairs[alike], likeness[alike], 31 * shared - 2 * np.log2(max(len(sketches), 2)) + 1)


def _common(sketches: Sketches, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of phrases in common, as far as sketches tell."""
    a, b = sketches[pairs[:, 0]], sketches[pairs[:, 1]]
    used = (a != EMPTY) | (b != EMPTY)
    return np.asarray(((a == b) & used).sum(axis=1) / np.maximum(used.sum(axis=1), 1))


def _filled(sketches: Sketches) -> Sketches:
    """Return sketches whose empty bins have, one more each step, the number of the next that is not."""
    whole = sketches.copy()
    for _ in range(BINS - 1):
        empty = whole == EMPTY
        if not empty.any():
            break
        after = np.roll(whole, -1, axis=1)
        whole[empty] = np.where(after == EMPTY, EMPTY, after + np.uint32(1))[empty]
    return whole
