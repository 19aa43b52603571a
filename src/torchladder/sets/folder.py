"""A folder of pictures: the folders of the first level are its classes."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.files import needs, printable, ranges, stamp
from torchladder.sets.pictures import Picture, decode
from torchladder.sets.roles import side_of
from torchladder.sets.source import Columns

PICTURES = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
    ".ico", ".tga", ".avif", ".jp2",
})  # fmt: skip
BLOCK_BYTES = 32 << 20  # of decoded pictures
BLOCK_FILES = 512
SUFFIXES_TOLD = 4


@dataclass
class FolderSource:
    """Pictures of one side, by class and then by name."""

    root: str
    name: str
    files: tuple[str, ...]  # below the root, as the system gives them
    classes: tuple[str | None, ...]
    columns: Columns
    told: tuple[str, ...] = ()
    kind: Kind = Kind.IMAGES

    @property
    def rows(self) -> int:
        """Files that are pictures by their names."""
        return len(self.files)

    def fingerprint(self) -> str:
        """Return what changes with the files."""
        present = [p for f in self.files if os.path.exists(p := os.path.join(self.root, f))]  # noqa: PTH110, PTH118
        return stamp(present, self.name, len(self.files))

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges of files."""
        return ranges(len(self.files), size)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield pictures until they come to some megabytes."""
        held: list[tuple[int, Picture]] = []
        faults: list[Fault] = []
        size, first = 0, start
        for i in range(start, stop):
            read = self.picture(i)
            if isinstance(read, Picture):
                held.append((i, read))
                size += read.pixels.nbytes
            else:
                faults.append(Fault(printable(self.files[i]), *read))
            if size >= BLOCK_BYTES or i + 1 - first >= BLOCK_FILES:
                yield self._block(first, i + 1, held, faults)
                held, faults, size, first = [], [], 0, i + 1
        if first < stop:
            yield self._block(first, stop, held, faults)

    def picture(self, i: int) -> Picture | tuple[str, str]:
        """Return a picture, or the kind of its fault and why."""
        return decode(os.path.join(self.root, self.files[i]))  # noqa: PTH118 - the name may be no text

    def _block(self, start: int, stop: int, held: list[tuple[int, Picture]], faults: list[Fault]) -> Block:
        places = [i for i, _ in held]
        labels = np.array([self.classes[i] for i in places], dtype=object)
        return Block(
            start=start,
            stop=stop,
            kind=Kind.IMAGES,
            places=np.array(places, dtype=np.int64),
            names=tuple(printable(self.files[i]) for i in places),
            images=tuple(p.pixels for _, p in held),
            labels=labels if self.columns.label is not None else None,
            traits=traits([p for _, p in held]),
            faults=tuple(faults),
        )


def traits(pictures: list[Picture]) -> dict[str, Array]:
    """Return what the files say of themselves."""
    return {
        "mode": np.array([p.mode for p in pictures], dtype=object),
        "width": np.array([p.width for p in pictures], dtype=np.int64),
        "height": np.array([p.height for p in pictures], dtype=np.int64),
        "bytes": np.array([p.size for p in pictures], dtype=np.int64),
        "format": np.array([p.format for p in pictures], dtype=object),
    }


@dataclass
class Found:
    """What lies in a folder."""

    files: list[str]
    hidden: int
    others: Counter[str]


def walk(root: str) -> Found:
    """Return the pictures below a folder, by name, and how much else there is; links to folders are followed once."""
    found = Found([], 0, Counter())
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        here = os.stat(folder)  # noqa: PTH116
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        hidden = [f for f in folders if f.startswith(".") or f == "__MACOSX"]
        found.hidden += len(hidden)
        folders[:] = sorted(set(folders) - set(hidden))
        for file in sorted(files):
            suffix = os.path.splitext(file)[1].lower()  # noqa: PTH122
            if file.startswith(".") or file in {"Thumbs.db", "desktop.ini"}:
                found.hidden += 1
            elif suffix not in PICTURES:
                found.others[suffix or "no suffix"] += 1
            else:
                found.files.append(os.path.relpath(os.path.join(folder, file), root))  # noqa: PTH118
    return found


def side_folders(path: Path) -> list[tuple[str, Path]]:
    """Return the folders inside of one that are sides by their names, if one of them is training."""
    found = [(side_of(p.name), p) for p in sorted(path.iterdir()) if p.is_dir()]
    named = [(side, p) for side, p in found if side is not None and side_of(p.name) and _plain(p.name)]
    sides = [side for side, _ in named]
    return named if "train" in sides and len(set(sides)) == len(sides) > 1 else []


def _plain(name: str) -> bool:
    """Tell whether a folder's name is that of a side and nothing else: "train_2019", but no class "training shoes"."""
    return len(name.split()) == 1


def open_folder(path: Path) -> FolderSource | None:
    """Return the pictures below a folder as a source, None if there are none."""
    try:
        import PIL  # noqa: F401 - the complaint comes before anything is read
    except ImportError:
        raise needs("Pillow", "pictures") from None
    name = printable(path)
    found = walk(str(path))
    if not found.files:
        return None
    tops = [f.partition(os.sep)[0] if os.sep in f else None for f in found.files]
    labelled = sum(t is not None for t in tops)
    classes = tuple(printable(t) if t is not None else None for t in tops)
    if not labelled:
        classes = tuple(None for _ in tops)
    columns = Columns(label="folder", chosen={"label": "inferred"}) if labelled else Columns()
    told = _told(found, tops)
    return FolderSource(str(path), name, tuple(found.files), classes, columns, told)


def _told(found: Found, tops: list[Any]) -> tuple[str, ...]:
    loose = sum(t is None for t in tops)
    deep = sum(f.count(os.sep) > 1 for f in found.files)
    words = []
    if loose == len(tops):
        words.append("no folders of classes: pictures without labels")
    else:
        words.append("classes are the folders of the first level")
        words += [f"{deep:,} pictures lie deeper"] if deep else []
        words += [f"{loose:,} lie in no class"] if loose else []
    if found.others:
        kinds = ", ".join(f"{n:,} {s}" for s, n in found.others.most_common(SUFFIXES_TOLD))
        words.append(f"no pictures by their names and left out: {kinds}")
    words += [f"{found.hidden:,} hidden files left out"] if found.hidden else []
    strange = sum(printable(f) != f for f in found.files)
    words += [f"{strange:,} names are no UTF-8: their bytes are written out"] if strange else []
    return ("; ".join(words),)


def open_pictures(path: Path) -> list[tuple[str | None, FolderSource]]:
    """Return the sides of a folder of pictures.

    Raises:
        UsageError: If there is no picture in it.
    """
    sides = side_folders(path)
    opened: list[tuple[str | None, FolderSource]] = []
    for side, folder in sides:
        source = open_folder(folder)
        if source is not None:
            opened.append((side, source))
    if len(opened) > 1:
        return opened
    source = open_folder(path)
    if source is None:
        msg = f"{printable(path)} holds no data of a known kind"
        raise UsageError(msg)
    return [(None, source)]
