"""Pictures made so small that copies of one agree: a stretched grey thumbnail and its colours, in bytes.

Stretched to its own range, a brighter or paler copy has the same thumbnail, and floats of any scale fit into a byte.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE = 24  # cells of the grey thumbnail across; with 16, crops are told apart from other pictures less well
TINT = 4  # cells of the colours across
GREY, WIDTH = SIDE * SIDE, SIDE * SIDE + 2 * TINT * TINT  # bytes of the thumbnail, and of all
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
COARSE = 3 * SIDE  # pixels across that are enough to average over
FLAT = 4.0 / 255  # range of a thumbnail, as a share of the values a byte has, below which it shows nothing
TINT_UNIT, TINT_ZERO = 64.0, 128.0  # a colour as strong as the thumbnail's range, in bytes; and none
FEWEST = 8  # pixels across of the smallest picture
FLAT_SHAPE, WITH_CHANNELS, CHANNELS_MAX = 2, 3, 4


def axes_of(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the order of axes that makes samples of a shape (H, W) or (H, W, C); None for what is no picture."""
    order: tuple[int, ...] | None = None
    if len(shape) == FLAT_SHAPE:
        order = (0, 1)
    elif len(shape) == WITH_CHANNELS:
        order = (0, 1, 2) if shape[2] <= CHANNELS_MAX else (1, 2, 0) if shape[0] <= CHANNELS_MAX else None
    if order is None or min(shape[order[0]], shape[order[1]]) < FEWEST:
        return None
    return order


def thumbnails(pictures: Array) -> tuple[Bytes, NDArray[np.bool_]]:
    """Return (N, ``WIDTH``) descriptors of pictures of one shape, and which of them show nothing.

    Args:
        pictures: (N, H, W), (N, H, W, C) or (N, C, H, W); what an alpha channel lets through is white.
    """
    axes = axes_of(pictures.shape[1:])
    if axes is None:
        raise ValueError(f"no pictures: samples of shape {pictures.shape[1:]}")
    ordered = np.transpose(pictures, (0, *(a + 1 for a in axes)))
    small = _cells(_on_white(_reduced(ordered if len(axes) == WITH_CHANNELS else ordered[..., None])), SIDE)
    coloured = small.shape[3] == len(LUMA)
    grey = small @ LUMA if coloured else small.mean(axis=3)
    low, span = grey.min(axis=(1, 2), keepdims=True), np.ptp(grey, axis=(1, 2), keepdims=True)
    flat = ~(span > FLAT * (255 if pictures.dtype == np.uint8 else 1e-6)).ravel()
    span = np.where(span > 0, span, 1)
    out = np.full((len(small), WIDTH), TINT_ZERO, dtype=np.uint8)
    out[:, :GREY] = np.rint((grey - low) / span * 255).reshape(len(small), -1)
    if coloured:
        tint = (small[..., (0, 2)] - grey[..., None]) / span[..., None]
        blocks = tint.reshape(len(small), TINT, SIDE // TINT, TINT, SIDE // TINT, 2).mean(axis=(2, 4))
        out[:, GREY:] = np.clip(np.rint(blocks * TINT_UNIT + TINT_ZERO), 0, 255).reshape(len(small), -1)
    return out, flat


def _reduced(pictures: Array) -> Array:
    """Return large pictures averaged over whole blocks of pixels, which costs less than resampling them."""
    n, height, width, channels = pictures.shape
    down, across = max(height // COARSE, 1), max(width // COARSE, 1)
    if down == across == 1:
        return pictures
    cut = pictures[:, : height // down * down, : width // across * across]
    blocks = cut.reshape(n, height // down, down, width // across, across, channels)
    return np.asarray(blocks.mean(axis=(2, 4), dtype=np.float32))


def _on_white(pictures: Array) -> Array:
    """Return pictures without their alpha channel."""
    if pictures.shape[3] not in {2, CHANNELS_MAX} or (pictures.dtype.kind == "f" and pictures.max(initial=0) <= 1):
        return pictures
    alpha = pictures[..., -1:].astype(np.float32) / 255
    return np.asarray(pictures[..., :-1].astype(np.float32) * alpha + 255 * (1 - alpha))


def _cells(pictures: Array, cells: int) -> Floats:
    """Return (N, cells, cells, C) means over equal areas; pixels are shared out where they are fewer."""
    n, height, width, channels = pictures.shape
    down = _shares(height, cells)
    across = np.kron(_shares(width, cells).T, np.eye(channels, dtype=np.float32))
    rows = np.matmul(down, pictures.reshape(n, height, width * channels).astype(np.float32))
    return np.asarray((rows.reshape(n * cells, -1) @ across).reshape(n, cells, cells, channels))


def _shares(pixels: int, cells: int) -> Floats:
    """Return (cells, pixels) weights: how much of each pixel lies in each of equal cells."""
    edges, at = np.linspace(0, pixels, cells + 1), np.arange(pixels)
    inside = np.minimum(edges[1:, None], at[None] + 1) - np.maximum(edges[:-1, None], at[None])
    return np.asarray(np.maximum(inside, 0) * (cells / pixels), dtype=np.float32)
