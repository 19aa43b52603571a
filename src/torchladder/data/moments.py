"""Two sets of values: are they the same up to a scale and an offset, as forgotten preprocessing makes them?"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

VALUES = 200_000  # compared on each side
QUANTILES = np.linspace(0.01, 0.99, 99)
CHANNELS = 3
TABLE, PICTURE = 2, 4


@dataclass(frozen=True, slots=True)
class Affine:
    """Quantiles of the second set are ``scale`` times those of the first plus ``offset``.

    Attributes:
        misfit: Root mean square deviation from that line, in standard deviations of the second set.
        apart: Largest deviation between the quantiles as they are, in deviations of the first set.
    """

    scale: float
    offset: float
    misfit: float
    apart: float


def affine(first: NDArray[np.generic], second: NDArray[np.generic]) -> Affine | None:
    """Return the line between two sets of values, None where one does not vary."""
    a, b = (np.quantile(_finite(v), QUANTILES) for v in (first, second))
    if a.std() == 0 or b.std() == 0:
        return None
    scale = float(b.std() / a.std())
    offset = float(b.mean() - scale * a.mean())
    misfit = float(np.sqrt(((b - scale * a - offset) ** 2).mean()) / b.std())
    return Affine(scale, offset, misfit, float(np.abs(b - a).max() / a.std()))


def as_trained(
    train: NDArray[np.generic], held: NDArray[np.generic], samples: NDArray[np.generic], *, by_channel: bool = False
) -> NDArray[np.float64]:
    """Return samples of the held-out side given the moments of training: per column of a table, else of all.

    Args:
        train: (N, ...) samples of training.
        held: (M, ...) samples of the held-out side, which tell its moments.
        samples: What to map.
        by_channel: Whether each channel (axis 1) has moments of its own.
    """
    axes: int | tuple[int, ...] | None = 0 if train.ndim == TABLE else None
    if by_channel:
        axes = (0, *range(2, train.ndim))
    a, b = np.asarray(train, dtype=np.float64), np.asarray(held, dtype=np.float64)
    kept = by_channel
    spread = b.std(axis=axes, keepdims=kept)
    scale = a.std(axis=axes, keepdims=kept) / np.where(spread > 0, spread, np.inf)
    centre, target = b.mean(axis=axes, keepdims=kept), a.mean(axis=axes, keepdims=kept)
    return np.asarray((np.asarray(samples, dtype=np.float64) - centre) * scale + target)


def _finite(values: NDArray[np.generic]) -> NDArray[np.float64]:
    flat = np.asarray(values, dtype=np.float64).ravel()
    flat = flat[:: len(flat) // VALUES + 1]
    kept = flat[np.isfinite(flat)]
    return kept if len(kept) else np.zeros(1)


def channel_order(first: NDArray[np.generic], second: NDArray[np.generic]) -> tuple[tuple[int, ...], float, float]:
    """Return the order of the second set's channels that fits the first's moments best, and how well.

    Args:
        first: (N, 3, H, W) pictures.
        second: Other ones, of the same layout.

    Returns:
        The order, and the distance between the channels' means and deviations in it and as they are, in
        standard errors of a picture's mean.
    """
    mean_a, error_a = _channels(first)
    mean_b, error_b = _channels(second)
    error = np.sqrt(error_a**2 + error_b**2) + 1e-12

    def distance(order: tuple[int, ...]) -> float:
        return float(np.abs((mean_b[:, list(order)] - mean_a) / error).max())

    here = tuple(range(CHANNELS))
    best = min(permutations(here), key=distance)
    return best, distance(best), distance(here)


def _channels(x: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean over samples of each channel's mean and deviation (2, C), and the standard errors."""
    flat = np.asarray(x, dtype=np.float64).reshape(len(x), CHANNELS, -1)
    each = np.stack([flat.mean(axis=2), flat.std(axis=2)])
    return each.mean(axis=1), each.std(axis=1) / np.sqrt(len(x))
