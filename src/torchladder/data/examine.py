"""Both sides of a program's data, as arrays: the figures a rule needs, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.data_facts import (
    AlignmentFact,
    CopiesFact,
    MismatchFact,
    NoiseFact,
    OverlapFact,
    StumpFact,
    SuspectLabel,
)
from torchladder.data.alignment import Displacement, in_batches, in_list, scan
from torchladder.data.copies import find_copies
from torchladder.data.disguises import disguised
from torchladder.data.duplicates import first_of_each, keys, near_share, overlap
from torchladder.data.features import TABLE, as_matrix, standardised
from torchladder.data.label_noise import find_noise
from torchladder.data.moments import CHANNELS, PICTURE, affine, channel_order
from torchladder.data.neighbours import nearest, surprise
from torchladder.data.probe import class_score, value_score
from torchladder.data.stumps import binned_score, strongest, without

Array = NDArray[np.generic]

ROWS = 1200  # samples compared with each other: 1.4 million distances
FEWEST = 60  # samples below which nothing is said of labels
CLASSES_MAX = 100  # more labels than this are no classes a probe can learn from few samples
COLUMNS_MAX = 300  # columns a table has at most
FLAT = 1e-3  # share of the usual variation within a sample
CONSTANT_SHOWN = 20
VALUES_MAX = 1000
TOLD = 5.0  # standard errors above chance from which a displacement is worth a second look
ERRORS, HALF = 5.0, 0.5  # how far apart two columns are: in standard errors, and in deviations


@dataclass
class Samples:
    """One side: as stored, in the order of the data set, and as it entered the model, in batches."""

    classes: bool | None = None
    x: Array | None = None
    y: Array | None = None
    rows: NDArray[np.int64] | None = None
    complete: bool = False
    total: int | None = None
    entry: Array | None = None
    entry_y: Array | None = None
    sizes: list[int] = field(default_factory=list)

    def pairs(self) -> tuple[Array, Array, NDArray[np.int64]] | None:
        """Return spread-out samples, their labels and their places, as stored or else as they came."""
        x, y = (self.x, self.y) if self.x is not None and self.y is not None else (self.entry, self.entry_y)
        if x is None or y is None or len(x) != len(y) or len(x) < FEWEST:
            return None
        chosen = spread(x)
        return (x[chosen], y[chosen], chosen) if len(chosen) >= FEWEST else None


def spread(x: Array) -> NDArray[np.int64]:
    """Return rows over the whole length, none equal to another: a copy is no independent neighbour."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(ROWS, len(x))).astype(np.int64))
    return chosen[first_of_each(x[chosen])]


def learnable(labels: Array, classes: bool | None) -> bool:  # noqa: FBT001 - the answer of another question
    """Tell whether labels can be asked about: several, none of them rare throughout."""
    names, counts = np.unique(labels, return_counts=True)
    if classes:
        return 1 < len(names) <= min(CLASSES_MAX, len(labels) // 6) and bool(np.median(counts) > 1)
    return classes is False and len(names) > 1 and bool(np.isfinite(np.asarray(labels, dtype=float)).all())


def label_figures(side: Samples) -> dict[str, Any]:
    """Return what labels have to do with the samples: neighbours' agreement and a linear probe."""
    pairs = side.pairs()
    if pairs is None or side.classes is None or not learnable(pairs[1], side.classes):
        return {}
    x, y, _ = pairs
    matrix = as_matrix(x)
    score, chance, z = surprise(y, nearest(matrix)[0], classes=side.classes)
    figures = {"neighbour_score": score, "neighbour_chance": chance, "neighbour_z": z}
    if side.classes:
        figures["majority"] = float(np.unique(y, return_counts=True)[1].max() / len(y))
        figures["probe_score"] = class_score(matrix, y)
    else:
        figures["probe_score"] = value_score(matrix, y)
    return figures


def alignments(side: Samples, others: list[Samples]) -> tuple[AlignmentFact, ...]:
    """Return how labels fit the samples at other displacements, as stored and as the loss was given them."""
    found = []
    if side.complete and side.x is not None and side.y is not None:
        found.append(_stored(side.x, side.y, side.classes))
        other = next((o for o in others if o.complete and o.y is not None and _alike(o.x, side.x)), None)
        if other is not None and other.x is not None and other.y is not None and other.y.dtype == side.y.dtype:
            both = np.concatenate([side.x, other.x]), np.concatenate([side.y, other.y])
            found.append(_stored(*both, side.classes))
    if side.entry is not None and side.entry_y is not None and len(side.entry_y) == len(side.entry):
        sizes = _first_pass(side.entry, side.sizes)
        size = sum(sizes)
        found.append(aligned("batch", side.entry[:size], side.entry_y[:size], list(in_batches(sizes)), side.classes))
    return tuple(f for f in found if f is not None)


def _first_pass(x: Array, sizes: list[int]) -> list[int]:
    """Return the sizes of the batches before samples come again, at most ``ROWS`` samples."""
    seen: set[bytes] = set()
    start, kept = 0, []
    for size in sizes:
        batch = [k for k in keys(x[start : start + size]) if k is not None]
        if start + size > ROWS or (seen and any(k in seen for k in batch)):
            break
        seen.update(batch)
        kept.append(size)
        start += size
    return kept


def _alike(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and a.shape[1:] == b.shape[1:] and a.dtype == b.dtype


def _stored(x: Array, y: Array, classes: bool | None) -> AlignmentFact | None:  # noqa: FBT001
    rows = spread(x)
    return aligned("stored", x[rows], y, list(in_list(rows, len(y))), classes)


def aligned(level: str, x: Array, y: Array, places: list[Displacement], classes: bool | None) -> AlignmentFact | None:  # noqa: FBT001
    """Return how labels fit samples at other displacements, None where nothing can be said."""
    if len(x) < FEWEST or classes is None or not learnable(y, classes):
        return None
    near = nearest(as_matrix(x))[0]
    a = scan(y, near, places, classes=classes)
    alone = None
    if x.ndim == TABLE and x.shape[1] <= COLUMNS_MAX and (a.how, a.shift) != ("shift", 0) and a.z_best > TOLD:
        chosen = next(p.places for p in places if (p.how, p.shift) == (a.how, a.shift))
        table = np.asarray(x, dtype=np.float64).T
        alone = max(binned_score(column, y[chosen], classes=classes) for column in table)
    return AlignmentFact(
        level, a.how, a.shift, len(x), a.score_here, a.score_best, a.chance, a.z_here, a.z_best, a.z_next, alone
    )


def overlaps(
    train: Samples, held: Samples, number: int, same_rows: int | None, beside: Sequence[Samples] = ()
) -> OverlapFact | None:
    """Return samples on both sides, of those that could be read; ``beside`` are the other held-out sides."""
    ours, theirs = (train.x, held.x) if _alike(train.x, held.x) else (train.entry, held.entry)
    if ours is None or theirs is None or not _alike(ours, theirs):
        return None
    stored = ours is train.x
    found = overlap(ours, theirs)
    read = len(ours) / train.total if stored and train.total else 1.0
    near = None
    if not found.shared and min(len(ours), len(theirs)) >= FEWEST and ours.dtype.kind == "f":
        mixed = as_matrix(np.concatenate([ours[:ROWS], theirs[: ROWS // 2]]))
        near = near_share(mixed[: min(ROWS, len(ours))], mixed[min(ROWS, len(ours)) :])
    return OverlapFact(
        held=number,
        shared=found.shared,
        compared=found.held,
        same_rows=same_rows,
        train_read=min(read, 1.0),
        within=found.within if stored else None,
        bits=found.bits,
        continuous=found.continuous,
        values=min(len(np.unique(theirs[:ROWS])), VALUES_MAX),
        near=near,
        copies=None if found.shared else copies(train, held, beside),
        examples=found.pairs,
    )


def copies(train: Samples, held: Samples, beside: Sequence[Samples]) -> CopiesFact | None:
    """Return the groups in which samples of both sides come, where both could be read as a whole."""
    sides = [s for s in (train, held, *beside) if s.complete and _alike(train.x, s.x) and _labelled(s)]
    if sides[:2] != [train, held] or train.classes is None or train.x is None or train.x.dtype.kind != "f":
        return None
    xs, ys = [s.x for s in sides if s.x is not None], [s.y for s in sides if s.y is not None]
    x, y = np.concatenate(xs), np.concatenate(ys)
    side = np.repeat(np.arange(len(xs)), [len(part) for part in xs])
    kept = first_of_each(x)  # of two parts that are one set, one
    return find_copies(x[kept], y[kept], side[kept], classes=train.classes)


def _labelled(side: Samples) -> bool:
    x, y = side.x, side.y
    return x is not None and y is not None and y.ndim == 1 and len(x) == len(y) >= FEWEST


def mismatch(train: Samples, held: Samples, number: int) -> MismatchFact | None:
    """Return how inputs at the model's entry differ between training and a held-out side."""
    a, b = train.entry, held.entry
    if a is None or b is None or a.dtype.kind != "f" or not _alike(a, b):
        return None
    line = affine(a, b)
    if line is None:
        return None
    figures: dict[str, Any] = {}
    if a.ndim == TABLE and 1 < a.shape[1] <= COLUMNS_MAX:
        figures = _columns(a, b)
    if a.ndim == PICTURE and a.shape[1] == CHANNELS:
        order, fits, own = channel_order(a, b)
        figures = {"order": order, "order_distance": fits, "own_distance": own}
    return MismatchFact(number, line.scale, line.offset, line.misfit, line.apart, len(a), len(b), **figures)


def _columns(a: Array, b: Array) -> dict[str, Any]:
    """Return the share of columns that are apart, and how well their own lines explain it."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    spread = first.std(axis=0)
    live = spread > 0
    if not live.any():
        return {}
    error = np.sqrt(first.var(axis=0) / len(first) + second.var(axis=0) / len(second)) + 1e-12
    off = np.abs(second.mean(axis=0) - first.mean(axis=0))
    ratio = np.where(live, second.std(axis=0) / np.where(live, spread, 1), 1.0)
    apart = ((off > ERRORS * error) & (off > HALF * spread)) | (ratio > 2) | (ratio < HALF)  # noqa: PLR2004 - twice
    lines = [affine(first[:, j], second[:, j]) for j in np.flatnonzero(apart & live)]
    misfits = [line.misfit for line in lines if line is not None]
    return {
        "columns_apart": float(apart[live].mean()),
        "columns_misfit": float(np.median(misfits)) if misfits else None,
    }


def side_figures(side: Samples) -> dict[str, Any]:
    """Return shape, range and constant parts of a side."""
    figures: dict[str, Any] = {}
    x = side.x if side.x is not None else side.entry
    if x is not None:
        figures |= {"shape": tuple(x.shape[1:]), "dtype": str(x.dtype)}
    if x is not None and x.ndim == TABLE and x.dtype.kind == "f" and x.shape[1] <= COLUMNS_MAX:
        flat = np.flatnonzero((x == x[:1]).all(axis=0))
        figures |= {"columns": x.shape[1], "constant_columns": tuple(int(j) for j in flat[:CONSTANT_SHOWN])}
    if side.entry is not None and side.entry.dtype.kind == "f" and side.entry.size:
        values = np.asarray(side.entry, dtype=float)
        values = values[np.isfinite(values)]
        if values.size:
            figures |= {
                "entry_min": float(values.min()),
                "entry_max": float(values.max()),
                "entry_mean": float(values.mean()),
                "entry_std": float(values.std()),
            }
        figures["flat_samples"] = flat_share(side.entry)
    y = side.y if side.y is not None else side.entry_y
    if y is not None and side.classes:
        names, counts = np.unique(y, return_counts=True)
        if len(names) <= VALUES_MAX:
            figures["label_counts"] = {str(int(k)): int(n) for k, n in zip(names, counts, strict=True)}
    return figures


def flat_share(x: Array) -> float | None:
    """Return the share of samples of which every value is (nearly) the same; None for tables."""
    if x.ndim <= TABLE or x.dtype.kind != "f":
        return None
    values = np.asarray(x, dtype=float).reshape(len(x), -1)
    within = values.std(axis=1)
    return float((within <= FLAT * max(float(values.std()), 1e-12)).mean())


def stump(side: Samples) -> StumpFact | None:
    """Return the strongest column of a table of three or more, None for other data."""
    pairs = side.pairs()
    if pairs is None or side.classes is None or not learnable(pairs[1], side.classes):
        return None
    x, y, _ = pairs
    if x.ndim != TABLE or x.dtype.kind != "f" or not 3 <= x.shape[1] <= COLUMNS_MAX:  # noqa: PLR2004
        return None
    raw = np.nan_to_num(np.asarray(x, dtype=np.float64))
    table = standardised(raw)
    hidden = disguised(raw, y, classes=side.classes)
    if hidden is not None and len(hidden.columns) < x.shape[1]:
        found = without(table, y, hidden.columns, 1.0, classes=side.classes)
    else:
        hidden, found = None, strongest(table, y, classes=side.classes)
    how, parts = hidden if hidden is not None else (None, (found.column,))
    return StumpFact(found.column, x.shape[1], found.alone, found.rest, found.chance, len(y), disguise=how, parts=parts)


def noise(side: Samples, number: int) -> NoiseFact | None:
    """Return labels that are likely wrong."""
    pairs = side.pairs()
    if pairs is None or not side.classes or not learnable(pairs[1], classes=True):
        return None
    x, y, places = pairs
    found = find_noise(as_matrix(x), y)
    suspects = tuple(SuspectLabel(int(places[i]), g, s, p) for i, g, s, p in found.candidates)
    return NoiseFact(number, len(y), found.accuracy, found.estimated, suspects)


def label_reading(x: Array, y: Array) -> tuple[float, float, float, float]:
    """Return (neighbours' agreement, chance, probe's accuracy, majority share) of classes."""
    matrix = as_matrix(x)
    score, chance, _ = surprise(y, nearest(matrix)[0])
    return score, chance, class_score(matrix, y), float(np.unique(y, return_counts=True)[1].max() / len(y))


def likeness(first: Array, second: Array) -> float:
    """Return the distance between two readings of samples over the distance between different samples."""
    a, b = (np.asarray(v, dtype=float).reshape(len(v), -1) for v in (first, second))
    own = float(np.linalg.norm(a - b, axis=1).mean())
    other = float(np.linalg.norm(a - np.roll(b, 1, axis=0), axis=1).mean())
    return own / other if other > 0 else 1.0
