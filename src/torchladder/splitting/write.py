"""A split on disk: files of rows, lists or folders of pictures, numbers of samples; and reading it back.

Everything is made in a folder beside the one that is wanted and moved there when it is whole.
"""

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import InternalError, UsageError
from torchladder.sets.delimited import DelimitedSource
from torchladder.sets.files import bare, is_gzip, printable
from torchladder.sets.folder import FolderSource
from torchladder.sets.jsonl import JsonSource
from torchladder.sets.listed import ListedSource
from torchladder.sets.open import open_set
from torchladder.sets.record import RECORD
from torchladder.sets.rows import RowSource
from torchladder.sets.source import Columns, Source
from torchladder.splitting.rows import write_rows, write_text
from torchladder.splitting.selected import Selected

INDICES = "split.npz"
Sides = NDArray[np.int64]


def files_of(source: Source, sides: Sequence[str], how: str) -> list[str]:
    """Return what will be written for each side.

    Raises:
        UsageError: If pictures are to be copied or linked that do not lie in a folder.
    """
    if how != "list" and not isinstance(source, FolderSource):
        msg = f"--{how} is for folders of pictures; {source.name} is none"
        raise UsageError(msg)
    if isinstance(source, FolderSource) and (how != "list" or not isinstance(source, ListedSource)):
        return [s if how != "list" else f"{s}.txt" for s in sides]
    if isinstance(source, ListedSource):
        return files_of(source.table, sides, how) if source.table is not None else [f"{s}.txt" for s in sides]
    if isinstance(source, DelimitedSource | JsonSource):
        suffix = bare(source.path) + (".gz" if is_gzip(source.path) else "")
        return [f"{s}{suffix}" for s in sides]
    if isinstance(source, RowSource):
        packed = bare(source.pieces[0].path) in {".parquet", ".pq"}
        return [f"{s}{'.parquet' if packed else '.arrow'}" for s in sides]
    return [INDICES] * len(sides)


@contextlib.contextmanager
def folder_for(out: Path, names: Sequence[str], *, force: bool) -> Iterator[Path]:
    """Give a new folder whose content is moved to ``out`` in the end; after a failure nothing is left of it.

    Raises:
        UsageError: If something that would be overwritten is there, and ``force`` is not given.
    """
    check_free(out, names, force=force)
    draft = out.parent / f".{out.name}.{os.getpid()}.{secrets.token_hex(3)}.part"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
    except OSError as error:
        msg = f"{printable(out)} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from None
    try:
        yield draft
        _moved(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_free(out: Path, names: Sequence[str], *, force: bool) -> None:
    """Make sure that a split may be written to ``out``.

    Raises:
        UsageError: If it may not.
    """
    if out.exists() and not out.is_dir():
        msg = f"{printable(out)} is a file; --out names a folder"
        raise UsageError(msg)
    there = [n for n in dict.fromkeys([*names, RECORD]) if (out / n).exists()]
    if there and not force:
        msg = f"{printable(out)} holds {', '.join(there)} already; --force overwrites"
        raise UsageError(msg)
    folders = [n for n in there if (out / n).is_dir() and not (out / n).is_symlink()]
    if folders and not (out / RECORD).is_file():
        msg = f"{printable(out / folders[0])} is a folder that no split of torchladder made: it is not overwritten"
        raise UsageError(msg)


def _moved(draft: Path, out: Path) -> None:
    if not out.exists():
        draft.rename(out)
        return
    # The record goes last: while it is missing or old, what lies there is no split.
    for path in sorted(draft.iterdir(), key=lambda p: p.name == RECORD):
        target = out / path.name
        if target.is_dir() and not target.is_symlink():
            old = target.with_name(f".{target.name}.{secrets.token_hex(3)}.old")
            target.rename(old)
            path.rename(target)
            shutil.rmtree(old)
        else:
            path.replace(target)


def write_sides(source: Source, sides: Sides, places: Sides, names: Sequence[str], files: list[Path], how: str) -> None:
    """Write each side.

    Args:
        source: What was split.
        sides: The side of each member, -1 for none.
        places: Of each member in the source.
        names: Of the sides.
        files: What to write for each.
        how: "list", "copy" or "link", of pictures in a folder.
    """
    if isinstance(source, ListedSource) and how == "list":
        rows: Source = source.table if source.table is not None else source
    elif isinstance(source, FolderSource):
        _write_pictures(source, sides, places, files, how)
        return
    else:
        rows = source
    of_row = np.full(int(places.max()) + 1, -1, dtype=np.int64)
    of_row[places] = sides
    if isinstance(rows, DelimitedSource | JsonSource | ListedSource):
        write_text(rows, of_row, files)
    elif isinstance(rows, RowSource):
        write_rows(rows, np.append(of_row, np.full(rows.rows - len(of_row), -1)), files)
    else:
        np.savez(files[0], **{n: places[sides == i] for i, n in enumerate(names)})


def _write_pictures(source: FolderSource, sides: Sides, places: Sides, files: list[Path], how: str) -> None:
    for i, target in enumerate(files):
        own = [source.files[p] for p in places[sides == i]]
        if how == "list":
            target.write_bytes(b"".join(os.fsencode(f) + b"\n" for f in own))
            continue
        for file in own:
            origin, copy = os.path.join(os.path.abspath(source.root), file), os.path.join(target, file)  # noqa: PTH100, PTH118
            os.makedirs(os.path.dirname(copy), exist_ok=True)  # noqa: PTH103, PTH120
            if how == "copy":
                shutil.copy2(origin, copy)
            else:
                os.symlink(origin, copy)  # noqa: PTH211 - the name may be no text


def read_back(source: Source, names: Sequence[str], files: list[Path], shown: Sequence[str]) -> list[Source]:
    """Return the sides as they were written.

    Args:
        source: What was split.
        names: Of the sides.
        files: What was written for each.
        shown: What to call each in the report.
    """
    if isinstance(source, ListedSource) and files[0].is_file():
        asked = dataclasses.replace(source.columns, root=source.root)
        return [_reopened(f, asked, s) for f, s in zip(files, shown, strict=True)]
    if isinstance(source, FolderSource) and files[0].is_file():
        places = {os.fsencode(f): i for i, f in enumerate(source.files)}
        listed = [[places[line] for line in f.read_bytes().split(b"\n") if line] for f in files]
        return [Selected(source, np.array(p, dtype=np.int64), n) for p, n in zip(listed, shown, strict=True)]
    if files[0].name == INDICES:
        with np.load(files[0]) as stored:
            return [Selected(source, stored[n], f"{s}:{n}") for n, s in zip(names, shown, strict=True)]
    return [_reopened(f, source.columns, s) for f, s in zip(files, shown, strict=True)]


def _reopened(file: Path, columns: Columns, shown: str) -> Source:
    asked = dataclasses.replace(columns, chosen={}) if file.is_file() else Columns()
    opened = open_set(str(file), asked)
    if len(opened) != 1:
        msg = f"{shown} was not read back as one side"
        raise InternalError(msg)
    source: Any = opened[0][1]  # a dataclass, as all that is opened from files
    own = source.columns if file.is_dir() else columns
    return dataclasses.replace(source, name=shown, columns=own)  # type: ignore[no-any-return]


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``split.json``."""
    (folder / RECORD).write_text(
        json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="replace"
    )
