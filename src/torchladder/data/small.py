"""Samples of any size made small enough to keep thousands of them: long axes averaged, long rows thinned out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import CHANNELS, PICTURE

Array = NDArray[Any]

SIDE = 32  # points along each axis of a small picture
WIDE = 4096  # numbers of a sample that are kept as they are
WITH_ALPHA = (2, 4)
NUMBERS = "biuf"


def small_picture(image: Array, side: int = SIDE) -> NDArray[np.float32]:
    """Return a picture (H, W[, C]) as (C, H, W) of at most ``side`` points an axis; alpha is left out."""
    x = np.asarray(image)
    x = x[:, :, None] if x.ndim == PICTURE - 2 else x
    if x.shape[2] in WITH_ALPHA:
        x = x[:, :, :-1]
    for axis in (0, 1):
        x = _averaged(x, axis, side)
    return np.asarray(np.moveaxis(x, 2, 0), dtype=np.float32)


def same_size(pictures: list[Array]) -> NDArray[np.float32]:
    """Return pictures (C, H, W) as one array: grey ones coloured, small ones enlarged, where they differ."""
    channels = max(p.shape[0] for p in pictures)
    height, width = max(p.shape[1] for p in pictures), max(p.shape[2] for p in pictures)
    out = np.zeros((len(pictures), channels, height, width), dtype=np.float32)
    for i, p in enumerate(pictures):
        rows = np.arange(height) * p.shape[1] // height
        columns = np.arange(width) * p.shape[2] // width
        out[i] = p[:, rows][:, :, columns]
    return out


def small_array(x: Array) -> Array:
    """Return samples (N, ...) of at most about ``WIDE`` numbers each."""
    if x.size <= WIDE * max(len(x), 1) or x.dtype.kind not in NUMBERS:
        return x
    if x.ndim < PICTURE - 1:
        return x.reshape(len(x), -1)[:, np.linspace(0, x[0].size - 1, WIDE).astype(int)]
    small = np.asarray(x, dtype=np.float32)
    for axis in range(1, x.ndim):
        small = _averaged(small, axis, SIDE)
    return small if small[0].size <= 4 * WIDE else small.reshape(len(x), -1)[:, :: small[0].size // WIDE]


def is_last_channel(shape: tuple[int, ...]) -> bool:
    """Tell whether samples of a shape (H, W, C) have their channels last."""
    return len(shape) == PICTURE - 1 and shape[2] <= CHANNELS < min(shape[:2])


def _averaged(x: Array, axis: int, points: int) -> Array:
    length = x.shape[axis]
    if length <= points:
        return x
    starts = np.linspace(0, length, points, endpoint=False).astype(int)
    widths = np.diff(np.append(starts, length))
    shape = [1] * x.ndim
    shape[axis] = points
    return np.asarray(np.add.reduceat(x, starts, axis=axis, dtype=np.float32) / widths.reshape(shape))
