"""Thumbnails as vectors whose distance tells copies from other pictures, as they are and as they would look altered."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from torchladder.data.thumbnails import GREY, SIDE, TINT, TINT_UNIT, TINT_ZERO, Bytes, Floats

COLOUR = 0.35  # weight of the colours beside the grey: pale pictures are known by it, and it moves less when cropped
CHUNK = 2048  # thumbnails made vectors together
VIEWS: tuple[tuple[float, float], ...] = ((0.953, 1.0), (0.906, 1.0), (1.0, 0.8))  # (part kept, brightest value kept)


def vectors(thumbnails: Bytes, view: tuple[float, float] = (1.0, 1.0)) -> Floats:
    """Return unit vectors of pictures as a copy of them would look: its middle part, cut off above a brightness."""
    part, brightest = view
    grey = thumbnails[:, :GREY].astype(np.float32).reshape(-1, SIDE, SIDE) / 255
    if part < 1:
        grey = np.matmul(np.matmul(_middle(part), grey), _middle(part).T)
    if brightest < 1:
        grey = np.minimum(grey, brightest)
    flat = grey.reshape(len(grey), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    tint = (thumbnails[:, GREY:].astype(np.float32) - np.float32(TINT_ZERO)) * np.float32(COLOUR / TINT_UNIT / TINT)
    both = np.concatenate([flat / SIDE, tint], axis=1)
    both /= np.linalg.norm(both, axis=1, keepdims=True) + 1e-9
    return both


def codes(thumbnails: Bytes, axes: Floats, view: tuple[float, float] = (1.0, 1.0)) -> Floats:
    """Return the vectors' coordinates along ``axes`` (D, WIDTH), a part at a time."""
    out = np.empty((len(thumbnails), len(axes)), dtype=np.float32)
    for part in chunks(len(thumbnails)):
        out[part] = vectors(thumbnails[part], view) @ axes.T
    return out


def principal_axes(thumbnails: Bytes, count: int) -> Floats:
    """Return (``count``, WIDTH) orthogonal directions along which the pictures' vectors differ most."""
    rows = vectors(thumbnails)
    rows -= rows.mean(axis=0)
    return np.asarray(np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :count].T, dtype=np.float32)


def chunks(n: int, size: int = CHUNK) -> Iterator[slice]:
    """Yield the slices of ``n`` things, ``size`` at a time."""
    return (slice(at, min(at + size, n)) for at in range(0, n, size))


@cache
def _middle(part: float) -> Floats:
    """Return (SIDE, SIDE) weights that stretch the middle part of a line over the whole, by cubic interpolation."""
    weights = np.zeros((SIDE, SIDE), dtype=np.float32)
    for cell in range(SIDE):
        at = ((cell + 0.5) / SIDE * part + (1 - part) / 2) * SIDE - 0.5
        first, t = int(np.floor(at)) - 1, at - np.floor(at)
        inner = 1 - 2.5 * t**2 + 1.5 * t**3, 0.5 * t + 2 * t**2 - 1.5 * t**3
        cubic = (-0.5 * t + t**2 - 0.5 * t**3, *inner, 0.5 * (t**3 - t**2))
        for i, weight in enumerate(cubic):
            weights[cell, min(max(first + i, 0), SIDE - 1)] += weight
    return weights
