"""Do the same samples come with the targets of others, pass after pass? Inputs were shuffled, and targets were not.

Asked of real-valued targets only, most of which are different: of a few values it is no wonder that they come again.
Targets that are computed anew (bootstrapped, noised) are none of another sample, and a target that depends on a second
input as well stays with its own first one.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.data_facts import ReassignedFact

FEWEST = 30  # samples that came more than once
DIFFERENT = 0.3  # distinct targets beside distinct samples
MOST = 0.9  # share of the samples, and of the targets, that come with several others


def reassigned(x: NDArray[Any] | None, y: NDArray[Any] | None) -> ReassignedFact | None:
    """Return how many samples come with several targets, and the reverse; None where that proves nothing.

    Args:
        x: (N, ...) inputs in the order in which they entered the model, over several passes.
        y: (N,) targets beside them.
    """
    if x is None or y is None or len(x) != len(y) or y.dtype.kind != "f" or not np.isfinite(y).all():
        return None
    targets: dict[bytes, set[float]] = defaultdict(set)
    samples: dict[float, set[bytes]] = defaultdict(set)
    times: dict[bytes, int] = defaultdict(int)
    for row, value in zip(x, y.astype(np.float64).tolist(), strict=True):
        key = row.tobytes()
        targets[key].add(value)
        samples[value].add(key)
        times[key] += 1
    again = [key for key, n in times.items() if n > 1]
    if len(again) < FEWEST or len(samples) < DIFFERENT * len(targets):
        return None
    several = sum(len(targets[key]) > 1 for key in again) / len(again)
    repeated = {v for key in again for v in targets[key]}
    shared = sum(len(samples[v]) > 1 for v in repeated) / len(repeated)
    return ReassignedFact(len(again), several, shared) if min(several, shared) >= MOST else None
