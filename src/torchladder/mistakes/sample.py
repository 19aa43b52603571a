"""Mistakes to look at by hand: drawn so that each bucket and each confused pair is seen in proportion."""

from collections.abc import Sequence

import numpy as np

from torchladder.mistakes.bucket import Bucket
from torchladder.mistakes.predictions import Ints, Mask


def draw(wrong: Mask, pairs: Ints, buckets: Sequence[Bucket], size: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return numbers of mistakes.

    Args:
        wrong: (N,) which are mistakes.
        pairs: (N,) a number for the label and the answer together.
        buckets: The largest first; a mistake belongs to the first that holds it, else to its pair.
        size: How many to draw; all, if there are fewer.
        rng: What draws them.

    Returns:
        The numbers, stratum by stratum, in a random order within each.
    """
    mistakes = np.flatnonzero(wrong)
    if not len(mistakes):
        return ()
    strata = pairs[mistakes] + len(buckets)
    for i in range(len(buckets) - 1, -1, -1):
        strata[buckets[i].errors[mistakes]] = i
    names, of, counts = np.unique(strata, return_inverse=True, return_counts=True)
    take = shares(counts, min(size, len(mistakes)))
    drawn: list[int] = []
    for i in range(len(names)):
        own = mistakes[of == i]
        drawn += [int(v) for v in rng.permutation(own)[: take[i]]]
    return tuple(drawn)


def shares(counts: Ints, size: int) -> Ints:
    """Return how many of each stratum to draw: in proportion, the largest remainders first."""
    exact = counts * size / counts.sum()
    take = np.floor(exact).astype(np.int64)
    rest = np.argsort(-(exact - take), kind="stable")[: size - int(take.sum())]
    take[rest] += 1
    return np.asarray(take)
