"""Thumbnails as vectors whose distance tells copies from other pictures, as they are and as they would look altered."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from torchladder.data.thumbnails import GREY, SIDE, TINT, TINT_UNIT, TINT_ZERO, Bytes, Floats

COLOUR = 0.35  # weight of the colours beside the grey: pale pictures are known by it, and it moves less when cropped
CHUNK = 2048  # thumbnails made vectors together


class View(NamedTuple):
    """How a copy may have been altered.

    Attributes:
        part: Share of the width and height that was kept, ``x`` and ``y`` where it lies: -1, 0 or 1.
        brightest: Share of the picture's range above which everything is white.
        mirrored: Whether left and right were exchanged.
        colours: Whether it has colours.
    """

    part: float = 1.0
    x: int = 0
    y: int = 0
    brightest: float = 1.0
    mirrored: bool = False
    colours: bool = True


PLAIN = View()
VIEWS = (
    View(part=0.953),
    View(part=0.906),
    *(View(part=0.953, x=x, y=y) for x in (-1, 1) for y in (-1, 1)),
    View(brightest=0.8),
    View(mirrored=True),
    View(colours=False),
)


def vectors(thumbnails: Bytes, view: View = PLAIN) -> Floats:
    """Return unit vectors of pictures as a copy of them would look."""
    grey: Floats = np.asarray(thumbnails[:, :GREY].reshape(-1, SIDE, SIDE) / np.float32(255), dtype=np.float32)
    colours = (thumbnails[:, GREY:].astype(np.float32) - TINT_ZERO) * (COLOUR / TINT_UNIT / TINT)
    tint: Floats = np.asarray(colours.reshape(-1, TINT, TINT, 2).transpose(3, 0, 1, 2), dtype=np.float32)
    if view.part < 1:
        grey, tint = _cut(grey, view), _cut(tint, view)
    if view.brightest < 1:
        grey = np.minimum(grey, view.brightest)
    if view.mirrored:
        grey, tint = grey[..., ::-1], tint[..., ::-1]
    if not view.colours:
        tint = np.zeros_like(tint)
    flat = grey.reshape(len(grey), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    both = np.concatenate([flat / SIDE, *(t.reshape(len(t), -1) for t in tint)], axis=1)
    both /= np.linalg.norm(both, axis=1, keepdims=True) + 1e-9
    return both


def codes(thumbnails: Bytes, axes: Floats, view: View = PLAIN) -> Floats:
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


def _cut(cells: Floats, view: View) -> Floats:
    """Return the part of (..., n, n) cells that a view shows, stretched over the whole."""
    n = cells.shape[-1]
    return np.asarray(np.matmul(np.matmul(_window(view.part, view.y, n), cells), _window(view.part, view.x, n).T))


@cache
def _window(part: float, side: int, n: int) -> Floats:
    """Return (n, n) weights that stretch a part of a line over the whole, by cubic interpolation."""
    weights = np.zeros((n, n), dtype=np.float32)
    for cell in range(n):
        at = ((cell + 0.5) / n * part + (1 - part) * (1 + side) / 2) * n - 0.5
        first, t = int(np.floor(at)) - 1, at - np.floor(at)
        inner = 1 - 2.5 * t**2 + 1.5 * t**3, 0.5 * t + 2 * t**2 - 1.5 * t**3
        cubic = (-0.5 * t + t**2 - 0.5 * t**3, *inner, 0.5 * (t**3 - t**2))
        for i, weight in enumerate(cubic):
            weights[cell, min(max(first + i, 0), n - 1)] += weight
    return weights
