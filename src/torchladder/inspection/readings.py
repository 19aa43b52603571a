"""Kept samples of all sides as arrays that mean the same on each: pictures, rows, counts of words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.data.features import PICTURE, TABLE, Matrix, as_matrix, standardised
from torchladder.data.picture_traits import glance
from torchladder.data.small import is_last_channel, same_size
from torchladder.data.tables import coded
from torchladder.data.words import TRAITS, common_words, having, main_differences, traits_of
from torchladder.inspection.labels import Series, are_classes, named
from torchladder.inspection.sample import Item
from torchladder.sets.block import Kind

Array = NDArray[Any]

CHANNELS_MAX = 16  # of a series
WIDE = 300  # features of a sample that are named one by one


Found = tuple[Array, Array | None, Matrix, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One side.

    Attributes:
        items: The samples, in the order of the data.
        x: (N, ...) the samples as numbers.
        scale: Those parts of them whose scale means something: not words.
        features: (N, F) what can be named of them, with ``names``; columns of tables are x itself.
    """

    items: list[Item]
    x: Array
    scale: Array | None
    features: Matrix
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of all sides: class ids by ``names``, or values.

    Attributes:
        sides: Of each side (places, ids or values) of every sample that has one.
    """

    classes: bool
    names: tuple[str, ...]
    sides: list[tuple[NDArray[np.int64], Array]]

    def of(self, side: int, items: Sequence[Item]) -> tuple[Array, NDArray[np.int64]]:
        """Return the labels of items that have one, and which those are."""
        places, values = self.sides[side]
        wanted = np.array([item.place for item in items], dtype=np.int64)
        if not len(places) or not len(wanted):
            return values[:0], np.zeros(0, dtype=np.int64)
        at = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
        there = np.flatnonzero(places[at] == wanted)
        return values[at[there]], there


def readings(
    kind: str, sides: list[list[Item]], columns: tuple[str, ...], traits: tuple[str, ...]
) -> list[Reading] | None:
    """Return all sides as numbers, None where they cannot be compared."""
    items = [item for side in sides for item in side]
    if not items:
        return None
    found: Found | None
    if kind == Kind.IMAGES:
        found = _pictures(items, traits)
    elif kind == Kind.TABLE:
        table = coded([item.cells for item in items], columns)
        scale = table.matrix[:, table.numeric] if table.numeric else None
        found = table.matrix, scale, table.matrix, table.names
    elif kind == Kind.TEXT:
        found = _texts(items)
    else:
        found = _arrays(items)
    if found is None or not found[0].size:
        return None
    x, scale, features, names = found
    cuts = np.cumsum([len(side) for side in sides])[:-1]
    parts = zip(
        sides,
        np.split(x, cuts),
        np.split(scale, cuts) if scale is not None else [None] * len(sides),
        np.split(features, cuts),
        strict=True,
    )
    return [Reading(side, a, b, c, names) for side, a, b, c in parts]


def _pictures(items: list[Item], traits: tuple[str, ...]) -> Found:
    x = same_size([item.x for item in items])
    features, names = glance(x)
    told = np.array([item.traits for item in items], dtype=float).reshape(len(items), len(traits))
    return x, x, np.concatenate([features, told], axis=1), (*names, *traits)


def _texts(items: list[Item]) -> Found:
    texts = [str(item.x) for item in items]
    words = common_words(texts)
    features = np.concatenate([traits_of(texts), having(texts, words).astype(float)], axis=1)
    return main_differences(texts), None, features, (*TRAITS, *(f'the word "{w}"' for w in words))


def _arrays(items: list[Item]) -> Found | None:
    shapes = {np.shape(item.x) for item in items}
    if len(shapes) != 1 or items[0].x is None:
        return None
    x = np.stack([np.asarray(item.x) for item in items])
    if x.dtype.kind not in "biuf" or x.size == 0:
        return None
    if x.ndim == PICTURE and is_last_channel(x.shape[1:]):
        x = np.moveaxis(x, 3, 1)
    whole = x.dtype.kind in "iu" and x.dtype != np.uint8
    if x.ndim == TABLE and whole and len(np.unique(x)) > WIDE and x.max() > WIDE:
        whole = False  # measurements that happen to be whole, not ids of words
    if not whole or x.ndim == 1:
        x = np.nan_to_num(
            np.asarray(x.reshape(len(x), -1) if x.ndim == 1 else x, dtype=np.float32), posinf=0.0, neginf=0.0
        )
    scale = x if x.dtype.kind == "f" else None
    if x.ndim == TABLE and x.shape[1] <= WIDE:
        return x, scale, np.asarray(x, dtype=np.float64), tuple(f"column {j}" for j in range(x.shape[1]))
    if x.ndim == PICTURE and x.dtype.kind == "f":
        return x, scale, *glance(x)
    return x, scale, *_by_channel(np.asarray(x, dtype=np.float64))


def _by_channel(x: Matrix) -> tuple[Matrix, tuple[str, ...]]:
    """Return mean, deviation and extremes of each channel of series (N, T, C) or (N, C, T), else of all values."""
    if x.ndim != PICTURE - 1 or min(x.shape[1:]) > CHANNELS_MAX or x.shape[1] == x.shape[2]:
        flat = x.reshape(len(x), -1)
        return np.stack([flat.mean(axis=1), flat.std(axis=1)], axis=1), ("mean", "deviation")
    along = 1 if x.shape[2] <= x.shape[1] else 2
    parts = {
        "mean": x.mean(axis=along),
        "deviation": x.std(axis=along),
        "lowest": x.min(axis=along),
        "highest": x.max(axis=along),
    }
    names = tuple(f"{what} of channel {c}" for what, part in parts.items() for c in range(part.shape[1]))
    return np.concatenate(list(parts.values()), axis=1), names


def labels_of(series: Sequence[Series]) -> Labels | None:
    """Return the labels of all sides in one coding, None where training has none."""
    wholes = [s.whole() for s in series]
    if not len(wholes[0][1]):
        return None
    if not are_classes(wholes[0][1]):
        kept = [w if w[1].dtype.kind in "biuf" else (w[0][:0], np.zeros(0)) for w in wholes]
        return Labels(False, (), [(p, np.asarray(v, dtype=float)) for p, v in kept])
    words = [named(v) for _, v in wholes]
    known = np.unique(np.concatenate(words))
    if all(_is_whole(k) for k in known):
        known = np.array(sorted(known, key=int), dtype=object)
    ids = {k: i for i, k in enumerate(known.tolist())}
    coded_ids = [np.array([ids[w] for w in side], dtype=np.int64) for side in words]
    return Labels(True, tuple(known.tolist()), [(p, v) for (p, _), v in zip(wholes, coded_ids, strict=True)])


def _is_whole(word: str) -> bool:
    return word.lstrip("-").isdigit()


def as_features(parts: Sequence[Reading]) -> list[Matrix]:
    """Return all sides in one matrix of features, cut into sides; of series, their figures too."""
    matrix = as_matrix(np.concatenate([p.x for p in parts]))
    if parts[0].x.ndim == PICTURE - 1 and len(parts[0].names) > 2:  # noqa: PLR2004 - those of channels
        matrix = np.concatenate([matrix, standardised(np.concatenate([p.features for p in parts]))], axis=1)
    return np.split(matrix, np.cumsum([len(p.items) for p in parts])[:-1])
