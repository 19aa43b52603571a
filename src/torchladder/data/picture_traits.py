"""What one would say of a picture at a glance, as numbers with names."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RGB = 3
NAMES = ("brightness", "contrast", "sharpness")
COLOURS = ("red", "green", "blue")


def glance(pictures: Array) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return (N, D) traits of pictures (N, C, H, W), and their names."""
    x = np.asarray(pictures, dtype=np.float64)
    flat = x.reshape(len(x), -1)
    across = np.abs(np.diff(x, axis=3)).reshape(len(x), -1)
    edges = across.mean(axis=1) if across.shape[1] else np.zeros(len(x))
    parts = [flat.mean(axis=1), flat.std(axis=1), edges]
    names: tuple[str, ...] = NAMES
    if x.shape[1] == RGB:
        parts += [x[:, c].mean(axis=(1, 2)) for c in range(RGB)]
        names = (*NAMES, *COLOURS)
    return np.stack(parts, axis=1), names
