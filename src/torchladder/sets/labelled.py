"""Folders of pictures whose labels stand in a table: labels.csv, train.csv beside train/, metadata.csv in each side."""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.sets.delimited import open_delimited
from torchladder.sets.files import bare, printable
from torchladder.sets.folder import side_folders, walk
from torchladder.sets.jsonl import open_jsonl
from torchladder.sets.listed import ListedSource
from torchladder.sets.naming import with_pictures
from torchladder.sets.roles import following, side_of
from torchladder.sets.source import Columns, Source

OPENERS = {".csv": open_delimited, ".tsv": open_delimited, ".jsonl": open_jsonl}
Sides = list[tuple[str | None, Source]]


def labelled_folder(path: Path, asked: Columns) -> Sides:
    """Return the pictures of a folder with the labels of a table in it, side by side; nothing without such a table."""
    found = [(p, source) for p in _tables(path) if (source := _pictures_of(p, asked)) is not None]
    if not found:
        inside = [(side, labelled_folder(folder, asked)) for side, folder in side_folders(path)]
        return [(side, one[0][1]) for side, one in inside] if inside and all(len(i) == 1 for _, i in inside) else []
    if len(found) == 1:
        source = found[0][1]
        return _by_folder(source) or [(side_of(found[0][0].name), _told(source, path))]
    named = [(side_of(p.name), source) for p, source in found]
    sides = [side for side, _ in named if side is not None]
    if "train" not in sides or len(set(sides)) < len(found):
        return []
    named.sort(key=lambda pair: pair[0] != "train")
    follows = following(named[0][1].columns).chosen
    return [named[0], *((side, _following(source, follows)) for side, source in named[1:])]


def _following(source: ListedSource, chosen: dict[str, str]) -> ListedSource:
    return dataclasses.replace(source, columns=dataclasses.replace(source.columns, chosen=chosen))


def _tables(path: Path) -> list[Path]:
    files = [p for p in sorted(path.iterdir()) if p.is_file() and not p.name.startswith((".", "_"))]
    return [p for p in files if bare(p) in OPENERS and p.stat().st_size]


def _pictures_of(table: Path, asked: Columns) -> ListedSource | None:
    """Return the pictures of the folder that a table in it names, None if it names none or has no labels.

    Raises:
        UsageError: If the table cannot be read as the user asked; one that nobody asked about is left alone.
    """
    below = table.parent / table.stem
    root = asked.root or str(below if below.is_dir() else table.parent)
    try:
        source = OPENERS[bare(table)](table, asked)
    except UsageError:
        if asked.label is not None:
            raise
        return None
    for wanted in (asked, dataclasses.replace(asked, root=root)):
        found = with_pictures(source, table, wanted)
        if isinstance(found, ListedSource):
            own = dataclasses.replace(found.columns, root=asked.root)
            return dataclasses.replace(found, columns=own) if own.label is not None else None
    return None


def _told(source: ListedSource, folder: Path) -> ListedSource:
    """Return the pictures, and say how many of the folder have no row."""
    left = len(walk(str(folder)).files) - len(set(source.files))
    words = (f"{left:,} pictures of {printable(folder)} have no row and are left out",) if left > 0 else ()
    return dataclasses.replace(source, told=(*source.told, *words))


def _by_folder(source: ListedSource) -> Sides:
    """Return the sides that the folders of the pictures are by their names, nothing where they are none."""
    sides = np.array([side_of(f.split("/")[0]) if "/" in f else None for f in source.files], dtype=object)
    known = [s for s in ("train", "validation", "test") if (sides == s).any()]
    if "train" not in known or len(known) == 1:
        return []
    return [(side, _selected(source, np.flatnonzero(sides == side), side)) for side in known]


def _selected(source: ListedSource, rows: NDArray[np.int64], side: str) -> ListedSource:
    lost = {i: source.lost[row] for i, row in enumerate(rows.tolist()) if row in source.lost}
    return dataclasses.replace(
        source,
        name=f"{source.name}:{side}",
        files=tuple(source.files[i] for i in rows),
        classes=(None,) * len(rows),
        beside={name: values[rows] for name, values in source.beside.items()},
        lost=lost,
        table=None,
    )
