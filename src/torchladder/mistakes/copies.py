"""Samples whose copies, exact or nearly so, carry another label: at least one of the labels is wrong."""

import numpy as np

from torchladder.data.near_pictures import near_pictures
from torchladder.data.near_texts import near_texts
from torchladder.data.twins import Ints, group_names
from torchladder.inspection.copies import ALIKE, NEAR_MAX, SURE
from torchladder.inspection.sketches import PICTURES, TEXTS
from torchladder.mistakes.look import Joined
from torchladder.mistakes.predictions import Mask


def contradicted(joined: Joined, truth: Ints) -> Mask | None:
    """Return which samples have a copy with another label, None where there is nothing to compare."""
    if joined.digests is None or joined.usable is None:
        return None
    known = np.flatnonzero(joined.usable & (joined.places >= 0))
    if not len(known):
        return None
    _, first, same = np.unique(joined.digests[known], return_index=True, return_inverse=True)
    links = [(known, known[first[same]])]
    one = known[np.sort(first)]
    if joined.sketches is not None and len(one) <= NEAR_MAX.get(joined.kind, 0):
        if joined.kind == PICTURES:
            near = near_pictures(joined.sketches[one])
            sure = (near.likeness >= ALIKE) & (near.bits >= SURE)
            links.append((one[near.first[sure]], one[near.second[sure]]))
        elif joined.kind == TEXTS:
            near = near_texts(joined.sketches[one])
            links.append((one[near.first], one[near.second]))
    n = len(truth)
    names = group_names(n, np.concatenate([a for a, _ in links]), np.concatenate([b for _, b in links]))
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, -1)
    np.minimum.at(low, names, truth)
    np.maximum.at(high, names, truth)
    return np.asarray(low[names] != high[names])
