"""Samples with something in common against all others: do more of them go wrong than their classes explain?

Expected are as many mistakes as samples of the same class go wrong outside; the test is that of Cochran, Mantel and
Haenszel, whose strata are the classes. What a bucket owes to the classes in it is thereby left to the classes.
"""

import numpy as np
from scipy.stats import hypergeom, norm

from torchladder.mistakes.bucket import Bucket
from torchladder.mistakes.predictions import Array, Floats, Ints, Mask

TAILS = (0.05, 0.1, 0.2, 1 / 3)  # shares of the samples that one end of a property holds
SLACK = 1.5  # by which a tail may be larger for ties, else it is none
FEWEST = 10  # samples of a group that is looked at
WORDS_MAX = 50  # different words up to which a column is one of groups
DISTINCT = 8  # different numbers from which a column has ends
BY_CLASS = "the share of mistakes outside, class by class"
BY_ALL = "the share of mistakes outside"


def region(kind: str, name: str, members: Mask, wrong: Mask, strata: Ints | None) -> Bucket:
    """Return the bucket of the mistakes among some samples.

    Args:
        kind: Of the bucket.
        name: Of the bucket.
        members: (N,) which samples have something in common.
        wrong: (N,) which are mistakes.
        strata: (N,) classes to compare within, None to compare all with all.
    """
    s = strata if strata is not None else np.zeros(len(wrong), dtype=np.int64)
    k = int(s.max()) + 1 if len(s) else 1
    n, m = _count(s, None, k), _count(s, wrong, k)
    n1, m1 = _count(s, members, k), _count(s, members & wrong, k)
    n0, m0 = n - n1, m - m1
    overall = m.sum() / max(n.sum(), 1)
    rate = np.where(n0 > 0, (m0 + overall) / (n0 + 1), m / np.maximum(n, 1))  # one sample of the average is added
    expected = float((n1 * rate).sum())
    if k == 1:
        p = float(hypergeom.sf(m1[0] - 1, n[0], m[0], n1[0]))
    else:
        mean = n1 * m / np.maximum(n, 1)
        spread = n1 * n0 * m * (n - m) / np.maximum(n**2 * (n - 1.0), 1)
        gap = m1.sum() - mean.sum() - 0.5
        p = float(norm.sf(gap / np.sqrt(spread.sum()))) if spread.sum() > 0 else 1.0
    return Bucket(kind, name, members & wrong, members, expected, p, BY_CLASS if strata is not None else BY_ALL)


def _count(strata: Ints, of: Mask | None, k: int) -> Floats:
    return np.bincount(strata if of is None else strata[of], minlength=k).astype(float)


def tails(kind: str, name: str, unit: str, values: Floats, wrong: Mask, strata: Ints) -> tuple[list[Bucket], int]:
    """Return, of each end of a property, the tail that stands out most, and how many were looked at."""
    known = np.isfinite(values)
    if known.sum() < 2 * FEWEST or len(np.unique(values[known])) < DISTINCT:
        return [], 0
    kept, looked = [], 0
    for low in (True, False):
        found = []
        for share in TAILS:
            edge = float(np.quantile(values[known], share if low else 1 - share))
            members = known & ((values <= edge) if low else (values >= edge))
            if FEWEST <= members.sum() <= SLACK * share * known.sum() + 1:
                words = f"{name} {'at most' if low else 'at least'} {edge:.3g}{unit}"
                end = "lowest" if low else "highest"
                found.append(region(kind, f"{words} (the {end} {members.mean():.0%})", members, wrong, strata))
        looked += len(found)
        if found:
            kept.append(min(found, key=lambda b: (b.p, -b.beyond)))
    return kept, looked


def groups(kind: str, name: str, words: Array, wrong: Mask, strata: Ints) -> list[Bucket]:
    """Return a bucket for each word of a column that has few different ones."""
    text = np.array([str(w) for w in words.tolist()], dtype=object)
    different, inverse, counts = np.unique(text, return_inverse=True, return_counts=True)
    least = 2 * FEWEST if len(different) > WORDS_MAX else FEWEST
    most = np.argsort(-counts, kind="stable")[: WORDS_MAX * 4]
    asked = [i for i in most.tolist() if least <= counts[i] < len(text)]
    return [region(kind, f"{name} = {different[i]}", inverse == i, wrong, strata) for i in asked]
