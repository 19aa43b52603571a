"""What is kept of each sample to find its copies: a hash of all of it, and a sketch that near copies share."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.data.cell_sketches import (
    cells_of_columns,
    cells_of_matrix,
    chosen_columns,
    hash_of,
    hashes_of_columns,
    hashes_of_words,
)
from torchladder.data.duplicates import keys
from torchladder.data.thumbnails import WIDTH, axes_of, thumbnails
from torchladder.data.word_sketches import WORDS_MIN, normalised, sketch_texts
from torchladder.sets.block import Array, Block, Kind

PICTURES, TEXTS, ROWS, SAMPLES = "pictures", "texts", "rows", "samples"
UNROLLED = 256  # numbers from which a row of a square number of them is read as an unrolled picture
LONG = 4  # times as long one way as the other: a series
WIDE = 64  # numbers up to which samples are rows of a table; of longer ones no near copies are looked for


@dataclass(frozen=True, slots=True)
class Sketch:
    """Sketches of a block.

    Attributes:
        kind: What the samples are for this purpose.
        digests: Equal for equal samples.
        judged: Which samples say enough to be called copies: no blank pictures, no texts of few words.
        rows: (N, width) what near copies share; no columns where none are looked for.
        usable: Which of those can be compared.
        numeric, columns: Of rows of a table: which columns are numbers, and their names.
    """

    kind: str
    digests: NDArray[np.uint64]
    judged: NDArray[np.bool_]
    rows: NDArray[Any]
    usable: NDArray[np.bool_]
    numeric: tuple[bool, ...] = ()
    columns: tuple[str, ...] = ()


def sketch(block: Block) -> Sketch:
    """Return what is kept of a block's samples."""
    if block.kind is Kind.IMAGES:
        return _pictures(list(block.images))
    if block.kind is Kind.TEXT:
        return _texts(block)
    if block.kind is Kind.TABLE:
        return _table(block)
    return _arrays(block.arrays if block.arrays is not None else np.zeros((0, 1)))


def _pictures(pictures: list[Array]) -> Sketch:
    n = len(pictures)
    digests, judged = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=bool)
    rows, usable = np.zeros((n, WIDTH), dtype=np.uint8), np.zeros(n, dtype=bool)
    alike: dict[tuple[tuple[int, ...], str], list[int]] = defaultdict(list)
    for i, picture in enumerate(pictures):
        alike[picture.shape, picture.dtype.str].append(i)
    for (shape, dtype), places in alike.items():
        for part in _parts(places, shape):
            stack = np.stack([pictures[i] for i in part])
            digests[part], judged[part] = _digests(stack, f"{shape}{dtype}")
            if axes_of(shape) is not None:
                rows[part], flat = thumbnails(stack)
                usable[part] = judged[part] & ~flat
    return Sketch(PICTURES, digests, judged, rows, usable)


def _parts(places: list[int], shape: tuple[int, ...]) -> list[list[int]]:
    """Return the places a few at a time, so that their pictures take some megabytes together."""
    size = max(1, (1 << 22) // max(int(np.prod(shape)), 1))
    return [places[i : i + size] for i in range(0, len(places), size)]


def _digests(samples: Array, salt: str) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return a hash per sample and which are not one value throughout."""
    found = keys(samples)
    start = hash_of(salt.encode())
    return (
        np.array([0 if k is None else int.from_bytes(k[:8], "little") ^ start for k in found], dtype=np.uint64),
        np.array([k is not None for k in found], dtype=bool),
    )


def _texts(block: Block) -> Sketch:
    texts = [normalised(t) for t in block.texts]
    rows, words = sketch_texts(texts)
    digests = np.array([hash_of(t.encode("utf-8", "replace")) for t in texts], dtype=np.uint64)
    enough = words >= WORDS_MIN
    return Sketch(TEXTS, digests, enough, rows, enough)


def _table(block: Block) -> Sketch:
    cells, numeric = cells_of_columns(block.columns)
    names = list(block.columns)
    told = np.asarray((cells != cells[:, :1]).any(axis=1)) if cells.shape[1] > 1 else np.zeros(len(block), dtype=bool)
    return Sketch(
        ROWS,
        hashes_of_columns(block.columns, len(block)),
        told,
        cells,
        told,
        numeric,
        tuple(names[j] for j in chosen_columns(len(names))),
    )


def _arrays(samples: Array) -> Sketch:
    shape = samples.shape[1:]
    side = int(np.sqrt(shape[0])) if len(shape) == 1 else 0
    if _like_a_picture(shape) or (side * side >= UNROLLED and (side * side,) == shape):
        whole = samples if len(shape) > 1 else samples.reshape(len(samples), side, side)
        return _stacked(whole)
    digests, judged = _digests(samples, f"{shape}")
    if samples.dtype.kind not in "fiub":
        return Sketch(SAMPLES, digests, judged, np.zeros((len(samples), 0), dtype=np.uint32), np.zeros_like(judged))
    cells = cells_of_matrix(samples)
    near = len(shape) == 1 and shape[0] <= WIDE
    names = tuple(f"column {j}" for j in range(cells.shape[1])) if near else ()
    return Sketch(ROWS if near else SAMPLES, digests, judged, cells, judged & near, (True,) * cells.shape[1], names)


def _like_a_picture(shape: tuple[int, ...]) -> bool:
    """Tell a picture from a series by its proportions."""
    axes = axes_of(shape)
    return axes is not None and max(shape[a] for a in axes[:2]) <= LONG * min(shape[a] for a in axes[:2])


def _stacked(pictures: Array) -> Sketch:
    digests, judged = _digests(pictures, f"{pictures.shape[1:]}")
    rows = np.zeros((len(pictures), WIDTH), dtype=np.uint8)
    flat = np.ones(len(pictures), dtype=bool)
    for part in _parts(list(range(len(pictures))), pictures.shape[1:]):
        rows[part], flat[part] = thumbnails(np.nan_to_num(pictures[part]))
    return Sketch(PICTURES, digests, judged, rows, judged & ~flat)


def label_hashes(labels: Array | None, n: int) -> tuple[NDArray[np.uint64], bool]:
    """Return a number per label, 0 for none, and whether they are classes and not values."""
    if labels is None or labels.ndim != 1 or len(labels) != n:
        return np.zeros(n, dtype=np.uint64), False
    if labels.dtype.kind == "f":
        present = labels[np.isfinite(labels)]
        if (present != np.round(present)).any():
            return np.zeros(n, dtype=np.uint64), False
        labels = np.array([None if v != v else int(v) for v in labels.tolist()], dtype=object)  # noqa: PLR0124
    return hashes_of_words(labels), True
