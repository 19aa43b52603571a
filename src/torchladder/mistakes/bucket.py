"""A bucket: mistakes that have something in common, what they cost beyond the ordinary, and what to do about them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta, norm

from torchladder.mistakes.predictions import Mask

SIDED = 0.975


@dataclass(frozen=True)
class Bucket:
    """Mistakes that have something in common.

    Attributes:
        kind: "pair", "class", "rare class", "group", "property", "length", "confidence", "label", "copies" or
            "threshold".
        name: What they have in common, in words.
        errors: (N,) which samples are these mistakes; ``members`` all samples that have it in common, right or wrong.
        expected: Mistakes that would be there if it made no difference.
        p: How likely as many come about by chance, before correction for how many were asked.
        base: What ``expected`` was reckoned from, in words.
        rated: Whether a rate inside and outside says anything: not of buckets that are made of mistakes.
        extra: Further figures for JSON and the page.
        repaired: Mistakes that a solution takes away, where it makes others; None where it takes all of these.
    """

    kind: str
    name: str
    errors: Mask
    members: Mask
    expected: float
    p: float
    base: str
    rated: bool = True
    extra: dict[str, Any] | None = None
    repaired: float | None = None

    @property
    def count(self) -> int:
        """Return the number of mistakes."""
        return int(self.errors.sum())

    @property
    def beyond(self) -> float:
        """Return the mistakes beyond those expected."""
        return (self.repaired if self.repaired is not None else self.count) - self.expected


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the interval in which a share lies with 95 % confidence, after Wilson."""
    if not n:
        return 0.0, 1.0
    z = float(norm.ppf(SIDED))
    share, z2 = hits / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def at_least(count: int, n: int, share: float) -> float:
    """Return how likely ``count`` or more of ``n`` come about where each does with probability ``share``."""
    return float(beta.cdf(share, count, n - count + 1)) if 0 < count <= n else 1.0


def holm(ps: list[float]) -> list[float]:
    """Return p-values corrected for how many were looked at, after Holm."""
    order = np.argsort(ps)
    out, highest = np.ones(len(ps)), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, ps[i] * (len(ps) - rank)))
        out[i] = highest
    return [float(v) for v in out]
