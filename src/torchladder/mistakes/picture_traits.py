"""What a picture is like, as numbers that a model may stumble over: sharpness, brightness, contrast, size, shape.

Sharpness is the variance of the Laplacian (Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000)
as a multiple of the variance of the picture itself, so that pale pictures do not count as blurred.
"""

import numpy as np

from torchladder.data.thumbnails import LUMA
from torchladder.mistakes.predictions import Array, Floats

NAMES = ("sharpness", "brightness", "contrast", "pixels", "aspect")
SIDE_MAX = 512  # pixels across that are looked at: blur that is lost when a picture is made smaller hurts no model
SMALLEST = 3
RGB, WITH_ALPHA = 3, (2, 4)


def traits_of(picture: Array) -> Floats:
    """Return the traits of a picture (H, W, C) of bytes, brightness and contrast from 0 to 1."""
    height, width = picture.shape[:2]
    grey = grey_of(picture)
    if min(grey.shape) < SMALLEST:
        return np.array([np.nan, grey.mean(), grey.std(), height * width, width / max(height, 1)])
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    spread = float(grey.var())
    sharpness = float(laplacian.var()) / spread if spread > 0 else np.nan
    return np.array([sharpness, grey.mean(), grey.std(), height * width, width / height])


def grey_of(picture: Array) -> Floats:
    """Return a picture as grey from 0 to 1, made smaller by a whole number where it is large; alpha is white."""
    whole = picture.astype(np.float64) / 255
    channels = whole.shape[2]
    if channels in WITH_ALPHA:
        alpha = whole[..., -1:]
        whole, channels = whole[..., :-1] * alpha + (1 - alpha), channels - 1
    grey = whole @ LUMA.astype(float) if channels == RGB else whole.mean(axis=2)
    factor = max(1, -(-max(grey.shape) // SIDE_MAX))
    if factor == 1:
        return np.asarray(grey)
    height, width = (max(1, s // factor) for s in grey.shape)
    cut = grey[: height * factor, : width * factor]
    if cut.shape != (height * factor, width * factor):  # longer one way than the factor is wide the other
        return np.asarray(grey[::factor, ::factor])
    return np.asarray(cut.reshape(height, factor, width, factor).mean(axis=(1, 3)))


def as_bytes(sample: Array, low: float, high: float) -> Array:
    """Return a picture of any dtype as bytes; floats are stretched from the range that the data has."""
    if sample.dtype == np.uint8:
        return sample
    top = float(np.iinfo(sample.dtype).max) if sample.dtype.kind == "u" else high
    base = 0.0 if sample.dtype.kind == "u" else low
    stretched = (np.nan_to_num(sample.astype(float)) - base) / max(top - base, 1e-12)
    return np.asarray(np.rint(np.clip(stretched, 0, 1) * 255).astype(np.uint8))
