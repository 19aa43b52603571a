"""Real colour pictures in seven classes: clip art and stamps, pooled into folders to learn from and to hold out.

CLIPART names the folder `usr/share/openclipart/png` of Debian's openclipart-png, STAMPS the folder
`usr/share/tuxpaint/stamps` of its tuxpaint-stamps-default. Pictures are put on white, made square, and brought to 96
pixels; of equal ones the first is kept; a series of pictures (`cake_01`, `cake_02`) stays on one side.
"""

import os
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SIDE = 96
LEARNT, HELD = 100, 200  # of each class at most; no more than half of a class are learnt from
LARGEST = 4_000_000  # pixels; a few are hundreds of millions
CLASSES = {
    "animals": (("CLIPART", "animals"), ("STAMPS", "animals")),
    "food": (("CLIPART", "food"), ("STAMPS", "food")),
    "vehicles": (("CLIPART", "transportation"), ("STAMPS", "vehicles")),
    "plants": (("CLIPART", "plants"), ("STAMPS", "plants")),
    "people": (("CLIPART", "people"),),
    "buildings": (("CLIPART", "buildings"),),
    "tools": (("CLIPART", "tools"),),
}


def square(file: Path) -> Any:
    """Return a picture on white; None if it is too large or broken."""
    from PIL import Image

    try:
        with Image.open(file) as opened:
            if opened.size[0] * opened.size[1] > LARGEST:
                return None
            picture = opened.convert("RGBA")
    except (OSError, Image.DecompressionBombError):
        return None
    side = max(picture.size)
    white = Image.new("RGB", (side, side), "white")
    white.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2), picture)
    return white.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def distinct(folders: list[Path], seen: set[bytes]) -> Iterator[tuple[str, Any]]:
    """Yield names and pictures, without those that look like one before."""
    import numpy as np
    from PIL import Image

    for file in sorted(f for folder in folders for f in folder.rglob("*.png")):
        picture = square(file)
        if picture is None:
            continue
        coarse = (np.asarray(picture.resize((8, 8), Image.Resampling.BOX)) // 24).tobytes()
        if coarse not in seen:
            seen.add(coarse)
            yield file.stem, picture


def write(out: Path) -> None:
    """Write the folders `train` and `val`, a folder a class in each."""
    missing = [name for name in ("CLIPART", "STAMPS") if not Path(os.environ.get(name, "")).is_absolute()]
    if missing:
        sys.exit(f"{' and '.join(missing)} are to name folders of pictures; see bench/colour_pictures.py")
    seen: set[bytes] = set()
    for name, sources in CLASSES.items():
        series: dict[str, list[tuple[str, Any]]] = {}
        for stem, picture in distinct([Path(os.environ[where], part) for where, part in sources], seen):
            series.setdefault(re.sub(r"[\d_]+$", "", stem), []).append((stem, picture))
        share(name, series, out)


def share(name: str, series: dict[str, list[tuple[str, Any]]], out: Path) -> None:
    """Write one class: whole series to learn from, until there are enough."""
    order = sorted(series)
    random.Random(0).shuffle(order)
    goal = min(LEARNT, sum(map(len, series.values())) // 2)
    written = {"train": 0, "val": 0}
    for first in order:
        role = "train" if written["train"] < goal else "val"
        for i, (stem, picture) in enumerate(series[first]):
            if role == "val" and written["val"] >= HELD:
                continue
            folder = out / role / name
            folder.mkdir(parents=True, exist_ok=True)
            picture.save(folder / f"{stem}_{i}.png")
            written[role] += 1
