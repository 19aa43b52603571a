"""One picture file as pixels, or why not. Very large ones are known by their header and are not decoded."""

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.sets.block import Array

PIXELS_MAX = 50_000_000  # decoded, these are 150 MB
KEPT_MODES = {"L", "RGB", "RGBA", "LA", "I;16", "I;16L", "I;16B", "F", "I"}


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels as (height, width, channels), and what the file says of itself."""

    pixels: Array
    mode: str
    width: int
    height: int
    size: int
    format: str


def decode(source: str | Path | bytes) -> Picture | tuple[str, str]:
    """Return a picture, or the kind of its fault and why in a few words."""
    from PIL import Image, UnidentifiedImageError

    try:
        size = len(source) if isinstance(source, bytes) else os.path.getsize(source)  # noqa: PTH202
        if not size:
            return "empty", "the file is empty"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is odd, and of size, which is judged here
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return _read(Image, io.BytesIO(source) if isinstance(source, bytes) else source, size)
            finally:
                Image.MAX_IMAGE_PIXELS = before
    except UnidentifiedImageError:
        return "unreadable", "no picture of a known format"
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, ArithmeticError, KeyError, TypeError) as error:
        words = " ".join(str(error).split())[:120] or type(error).__name__
        return ("truncated" if "truncated" in words.lower() else "unreadable"), words


def _read(image: Any, source: Any, size: int) -> Picture | tuple[str, str]:
    with image.open(source) as opened:
        width, height = opened.size
        if width * height > PIXELS_MAX:
            return "too-large", f"{width:,} x {height:,} pixels, {width * height / 1e6:.0f} megapixels; not decoded"
        mode, form = opened.mode, opened.format or ""
        pixels = np.asarray(_converted(opened))
    return Picture(pixels if pixels.ndim > 2 else pixels[:, :, None], mode, width, height, size, form)  # noqa: PLR2004


def _converted(opened: Any) -> Any:
    """Return the picture in a mode whose numbers are brightness: palettes and bits are looked up."""
    if opened.mode in KEPT_MODES:
        return opened
    if opened.mode == "P":
        return opened.convert("RGBA" if "transparency" in opened.info else "RGB")
    return opened.convert("L" if opened.mode == "1" else "RGBA" if opened.mode == "PA" else "RGB")
