"""Predictions as a table: CSV, TSV, JSON lines, Parquet or Arrow, read as the data checks read them."""

from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.inspection.labels import is_missing
from torchladder.mistakes.assemble import (
    as_names,
    confidence_of,
    matched,
    numbered,
    ordered,
    positive_of,
    refuse_empty,
    words_of,
)
from torchladder.mistakes.columns import Asked, Layout, layout, vectors
from torchladder.mistakes.predictions import Array, Floats, Ints, Predictions
from torchladder.mistakes.scores import Scored, scored, two_class
from torchladder.sets.delimited import open_delimited
from torchladder.sets.files import bare
from torchladder.sets.jsonl import open_jsonl
from torchladder.sets.open import RECORDS, ROWS, TABLES
from torchladder.sets.roles import side_of
from torchladder.sets.rows import open_rows
from torchladder.sets.source import Columns, Source

HALF = 0.5
TRAIN = "train"


def from_table(path: Path, asked: Asked, source: str) -> Predictions:
    """Return the predictions of a table.

    Raises:
        UsageError: If it holds none.
    """
    values, ids = columns_of(path, source)
    found = layout(list(values), asked, source)
    told = [found.told()]
    keep = _rows(values, found, asked, told, source)
    kept = {n: v[keep] for n, v in values.items()}
    rows = np.flatnonzero(keep)
    true = as_names(kept[found.roles["label"]], source)
    made, classes = _scores(kept, found, set(true.tolist()), told, source)
    given = as_names(kept[found.roles["prediction"]], source) if "prediction" in found.roles else None
    if classes is None:
        classes = ordered({*true.tolist(), *(given.tolist() if given is not None else ())})
    stray = set() if given is None else set(given.tolist()) - set(classes)
    if stray:
        classes, made = (*classes, *sorted(stray)), None
        told.append(f"the answer {min(stray)!r} has no score: scores are not looked at")
    guess = numbered(given, classes) if given is not None else _from_scores(made)
    confidence = confidence_of(made, guess)
    if confidence is None and "confidence" in found.roles:
        confidence = _shares(kept[found.roles["confidence"]])
    role = found.roles.get
    return Predictions(
        source=source,
        ids=_ids(kept, found, [ids[i] for i in rows]),
        rows=_places(kept, found, rows),
        classes=classes,
        truth=numbered(true, classes),
        guess=guess,
        scores=made.scores if made is not None else None,
        proba=made.proba if made is not None else None,
        confidence=confidence,
        groups=words_of(kept[name]) if (name := role("group")) else None,
        texts=_words(kept, role("text")),
        paths=_words(kept, role("path")),
        columns=_others(kept, found),
        told=tuple(t for t in told if t),
    )


def columns_of(path: Path, source: str) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return every column of a table by its name, and what the rows are called."""
    data = _opened(path, source)
    c = data.columns
    parts: dict[str, list[Array]] = {}
    names: list[str] = []
    for start, stop in data.shards(1 << 16):
        for block in data.blocks(start, stop):
            own: dict[str, Any] = dict(block.columns)
            roles = {c.label: block.labels, c.group: block.groups, c.time: block.times}
            roles[c.predictions] = block.predictions
            own |= {name: cells for name, cells in roles.items() if name is not None and cells is not None}
            if c.text is not None and block.texts:
                own[c.text] = np.array(block.texts, dtype=object)
            for name, cells in own.items():
                parts.setdefault(name, []).append(np.asarray(cells))
            names += block.names
    refuse_empty(len(names), source)
    return {n: _joined(p) for n, p in parts.items()}, tuple(names)


def _opened(path: Path, source: str) -> Source:
    """Return a table as a table, even where it names pictures: these are looked at later.

    Raises:
        UsageError: If it is no table.
    """
    suffix = bare(path)
    if suffix in TABLES:
        return open_delimited(path, Columns())
    if suffix in RECORDS:
        return open_jsonl(path, Columns())
    if suffix in ROWS:
        return open_rows([path], source, Columns())
    msg = f"{source} is no file of predictions that is known: CSV, TSV, JSONL, Parquet, Arrow and .npz are"
    raise UsageError(msg)


def _joined(parts: list[Array]) -> Array:
    """Return the parts of a column as one: words where any part has words."""
    if len({p.dtype.kind for p in parts}) > 1 and any(p.dtype.kind == "O" for p in parts):
        parts = [words_of(p) if p.dtype.kind != "O" else p for p in parts]
    return np.concatenate(parts)


def _rows(values: dict[str, Array], found: Layout, asked: Asked, told: list[str], source: str) -> Array:
    """Return which rows are looked at: those with a label and an answer, and no training rows."""
    label = values[found.roles["label"]]
    keep = ~is_missing(label)
    numbers = [
        *found.per_class.values(),
        *(found.roles[r] for r in ("prediction", "vector", "single") if r in found.roles),
    ]
    for name in numbers:
        keep &= ~is_missing(values[name])
    lost = int((~keep).sum())
    if lost:
        told.append(f"{lost:,} rows without a label, an answer or a score are left out")
    split = found.roles.get("split")
    if asked.split is not None:
        if split is None:
            msg = f"{source} has no column split to take {asked.split!r} from"
            raise UsageError(msg)
        of = words_of(values[split])
        if asked.split not in of.tolist():
            msg = f"{source} has no rows of the split {asked.split!r}; there are {', '.join(sorted(set(of.tolist())))}"
            raise UsageError(msg)
        keep &= of == asked.split
    elif split is not None and values[split].dtype.kind == "O":
        of = words_of(values[split])
        train = np.array([side_of(s) == TRAIN for s in of.tolist()])
        if train.any() and not train[keep].all():
            told.append(f"{int((train & keep).sum()):,} training rows are left out")
            keep &= ~train
    refuse_empty(int(keep.sum()), source)
    return np.asarray(keep)


def _scores(
    kept: dict[str, Array], found: Layout, labels: set[str], told: list[str], source: str
) -> tuple[Scored | None, tuple[str, ...] | None]:
    """Return the scores and the classes they are of."""
    made, names = None, None
    if found.per_class:
        stacked = np.stack([_numeric(kept[c], c, source) for c in found.per_class.values()], axis=1)
        made, names = scored(stacked), tuple(found.per_class)
    elif "vector" in found.roles:
        values, named = vectors(kept[found.roles["vector"]], source)
        made = scored(values)
        names = named if named is not None else tuple(str(i) for i in range(values.shape[1]))
    elif "single" in found.roles:
        return _single(kept, found, labels, told, source)
    if made is None or names is None:
        return None, None
    names, inferred = matched(names, labels, source)
    told.append(f"the scores are read as {made.kind}{'; ' + inferred if inferred else ''}")
    return made, names


def _single(
    kept: dict[str, Array], found: Layout, labels: set[str], told: list[str], source: str
) -> tuple[Scored | None, tuple[str, ...] | None]:
    """Return one score a row as those of two classes."""
    column = found.roles["single"]
    score = _numeric(kept[column], column, source)
    given = words_of(kept[found.roles["prediction"]]) if "prediction" in found.roles else None
    classes = ordered(labels | set(given.tolist() if given is not None else ()))
    if len(classes) != 2:  # noqa: PLR2004
        if given is not None:
            told.append(f"`{column}` is one score for {len(classes)} classes and is not looked at")
            return None, None
        msg = f"{source}: `{column}` is one score a row, but the labels have {len(classes)} classes, not two"
        raise UsageError(msg)
    at = positive_of(classes)
    if given is not None and score.min() >= 0 and score.max() <= 1:
        yes = given == classes[at]
        if score.min() >= HALF and yes.any() and not yes.all():  # how sure the answer is, whichever it is
            score = np.where(yes, score, 1 - score)
            told.append(f"`{column}` is never below 0.5: it is read as the probability of the answer")
    made = two_class(score if at == 1 else -score if score.min() < 0 or score.max() > 1 else 1 - score)
    told.append(f"`{column}` is read as {made.kind[:-1].replace('probabilitie', 'probability')} of {classes[at]!r}")
    return made, classes


def _from_scores(made: Scored | None) -> Ints:
    assert made is not None  # the layout has predictions or scores
    return np.asarray(made.scores.argmax(axis=1))


def _numeric(values: Array, name: str, source: str) -> Floats:
    try:
        return np.asarray(values.astype(float))
    except (ValueError, TypeError):
        msg = f"{source}: the column {name!r} is no column of numbers"
        raise UsageError(msg) from None


def _shares(values: Array) -> Floats | None:
    try:
        found = values.astype(float)
    except (ValueError, TypeError):
        return None
    return found if len(found) and np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1 else None


def _ids(kept: dict[str, Array], found: Layout, names: list[str]) -> tuple[str, ...]:
    column = found.roles.get("path") or found.roles.get("id")
    if column is None:
        return tuple(names)
    return tuple(str(v) for v in words_of(kept[column]).tolist())


def _places(kept: dict[str, Array], found: Layout, rows: Ints) -> Ints:
    """Return the place in the data: what an index says, if it is one, else the order of the rows."""
    column = found.roles.get("id")
    if column is not None and column.lower() in {"index", "idx", "row"} and kept[column].dtype.kind in "iuf":
        values = kept[column]
        if np.isfinite(values.astype(float)).all() and len(np.unique(values)) == len(values) and values.min() >= 0:
            return np.asarray(values.astype(np.int64))
    return np.asarray(rows, dtype=np.int64)


def _words(kept: dict[str, Array], name: str | None) -> tuple[str, ...] | None:
    return tuple("" if v is None else str(v) for v in kept[name].tolist()) if name is not None else None


def _others(kept: dict[str, Array], found: Layout) -> dict[str, Array]:
    taken = {*found.roles.values(), *found.per_class.values()}
    return {n: v for n, v in kept.items() if n not in taken}
