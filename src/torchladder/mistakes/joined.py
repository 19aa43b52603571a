"""The samples behind predictions: found by their names or by their places in a data set, and looked at once.

A place is only believed where the labels there agree with those of the predictions: a loader that shuffles gives
predictions in another order than the data's.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.inspection.labels import counted, is_missing, named
from torchladder.mistakes.look import Joined, blocks_of, inverse, look
from torchladder.mistakes.predictions import Ints, Predictions
from torchladder.sets.folder import PICTURES, FolderSource
from torchladder.sets.open import open_set
from torchladder.sets.source import Columns, Source

AGREEMENT = 0.5  # of labels with those of the predictions, above what the largest class alone gives


def join(p: Predictions, name: str | None, folder: Path) -> Joined:
    """Return what is known of the samples: from the data set ``name``, or from the paths the predictions bring.

    Args:
        p: The predictions.
        name: What the user named, None for nothing.
        folder: Of the predictions; their paths may start there.

    Raises:
        UsageError: If the data cannot be read, or is not what the predictions were made from.
    """
    if name is None:
        source, told = _by_path(p, folder)
        if source is None:
            return Joined(texts=p.texts, told=told)
        return look(p, source, np.arange(len(p)), list(told))
    sides = open_set(name, Columns())
    held, places, how = _side(p, sides, name)
    told_of = [f"{int((places >= 0).sum()):,} of {len(p):,} predictions were found in {held.name} by {how}"]
    made = look(p, held, places, told_of)
    made.train = _train_counts(p, sides, held)
    return made


def _by_path(p: Predictions, folder: Path) -> tuple[Source | None, tuple[str, ...]]:
    """Return the pictures that the predictions name by their paths."""
    if p.paths is None or not all(os.path.splitext(f)[1].lower() in PICTURES for f in p.paths[:20]):  # noqa: PTH122
        return None, ()
    for root in (folder, Path()):
        found = sum((root / f).is_file() for f in p.paths[:100])
        if found > len(p.paths[:100]) // 2:
            nothing = tuple(None for _ in p.paths)
            return FolderSource(str(root), "the paths of the predictions", p.paths, nothing, Columns()), ()
    return None, ("the pictures that the paths name are not there; --data says where they are",)


def _side(p: Predictions, sides: Sequence[tuple[str | None, Source]], name: str) -> tuple[Source, Ints, str]:
    """Return the side that the predictions were made from, where each is in it, and how that is known."""
    tried = []
    for role, source in sorted(sides, key=lambda s: s[0] == "train"):
        for how, places in (("their names", _by_name(p, source)), ("their order", _by_place(p, source))):
            if places is None:
                continue
            agrees = _agreement(p, source, places)
            if agrees is None or agrees >= AGREEMENT:
                words = how if agrees is not None else f"{how}, which no labels could confirm"
                return source, places, words
            tried.append(f"in {role or source.name}, labels at the same places agree no more than by chance")
    if tried:
        msg = (
            f"{name} is not in the order of the predictions ({tried[0]}); name samples in a column `path` or `index`, "
            "or evaluate without shuffling"
        )
        raise UsageError(msg)
    rows = ", ".join(f"{s.rows:,}" if s.rows is not None else "?" for _, s in sides)
    msg = f"{name} holds {rows} samples, the predictions are {len(p):,}: which belongs to which cannot be told"
    raise UsageError(msg)


def _by_name(p: Predictions, source: Source) -> Ints | None:
    """Return places by the samples' names, of pictures in folders."""
    if not isinstance(source, FolderSource):
        return None
    wanted = p.paths or p.ids
    files = [f.replace(os.sep, "/") for f in source.files]
    place = {f: i for i, f in enumerate(files)}
    last = [f.rpartition("/")[2] for f in files]
    if len(set(last)) == len(last):
        place |= {f: i for i, f in enumerate(last)}
    places = []
    for one in wanted:
        parts = one.replace("\\", "/").split("/")
        places.append(next((place[k] for j in range(len(parts)) if (k := "/".join(parts[j:])) in place), -1))
    found = np.array(places, dtype=np.int64)
    return found if (found >= 0).mean() > 0.5 else None  # noqa: PLR2004 - most of them


def _by_place(p: Predictions, source: Source) -> Ints | None:
    rows = source.rows
    whole = rows is None or int(p.rows.max()) < rows
    same = rows is None or rows == len(p) or not np.array_equal(p.rows, np.arange(len(p)))
    return p.rows if whole and same else None


def _agreement(p: Predictions, source: Source, places: Ints) -> float | None:
    """Return how far labels agree beyond the largest class's share, whatever they are called; None without labels."""
    truth, labels = [], []
    of = inverse(places)
    for block in blocks_of(source):
        if block.labels is None or block.labels.ndim != 1:
            return None
        at = of(block.places)
        keep = (at >= 0) & ~is_missing(block.labels)
        truth.append(p.truth[at[keep]])
        labels.append(named(block.labels[keep]))
    y = np.concatenate(truth) if truth else np.zeros(0, dtype=np.int64)
    if not len(y):
        return None
    _, ids = np.unique(np.concatenate(labels).astype(str), return_inverse=True)
    table = np.zeros((ids.max() + 1, len(p.classes)))
    np.add.at(table, (ids, y), 1)
    chance = table.sum(axis=0).max() / len(y)
    return float((table.max(axis=1).sum() / len(y) - chance) / max(1 - chance, 1e-9))


def _train_counts(p: Predictions, sides: Sequence[tuple[str | None, Source]], held: Source) -> dict[str, int] | None:
    """Return how many training samples each class has, where the data has a training side with the same labels."""
    train = next((s for role, s in sides if role == "train" and s is not held), None)
    if train is None:
        return None
    total: dict[str, int] = {}
    for block in blocks_of(train):
        if block.labels is None or block.labels.ndim != 1:
            return None
        for label, times in counted(block.labels[~is_missing(block.labels)]).items():
            total[label] = total.get(label, 0) + times
    if set(p.classes) <= total.keys():
        return {c: total[c] for c in p.classes}
    if all(str(i) in total for i in range(len(p.classes))):
        return {c: total[str(i)] for i, c in enumerate(p.classes)}
    return None
