"""Pictures that a list or a table names: one a row, in its order, with the labels that stand there."""

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block
from torchladder.sets.files import needs, opened, printable, stamp
from torchladder.sets.folder import PICTURES, FolderSource
from torchladder.sets.pictures import Picture, decode
from torchladder.sets.record import root_of
from torchladder.sets.roles import FOLLOWS
from torchladder.sets.source import Columns, Source
from torchladder.sets.typed import as_label, is_number

HEAD = 1 << 16  # bytes that tell whether a file is a list
TRIED = 50  # names by which a folder is known to be the one that is meant
ENOUGH = 0.5  # of them that lie there, at least
BESIDE = ("images", "imgs", "img", "JPEGImages", "pictures", "photos", "data")
SUFFIXES = "|".join(sorted((s[1:] for s in PICTURES), key=len, reverse=True))
LINE = re.compile(
    rf"""\s*["']?(?P<file>[^\t,;"']*?\.(?:{SUFFIXES}))["']?(?:[\s,;]+(?P<label>\S.*?))?\s*""", re.IGNORECASE
)
FIELDS = re.compile(r"[\s,;]+")
SEVERAL = "several fields follow each name: none was taken as label"
TOLD = {"list": "labels are the second field", "folder": "classes are the folders", None: "no labels"}
NAMED = re.compile(rf".*\.(?:{SUFFIXES})", re.IGNORECASE)


@dataclass
class ListedSource(FolderSource):
    """Pictures below a folder, and what a file says of each.

    Attributes:
        path: The file that names them.
        table: The same file as a table, None of a plain list.
        beside: Labels, groups, times and predictions, as fields of a block.
        lost: Why rows name no picture, by their number.
    """

    path: Path = field(default_factory=Path)
    table: Source | None = None
    beside: dict[str, Array] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Return what changes with the pictures and with the file that names them."""
        return stamp([self.path], super().fingerprint(), self.columns)

    def picture(self, i: int) -> Picture | tuple[str, str]:
        """Return a picture, or its fault."""
        if i in self.lost:
            return "unreadable", self.lost[i]
        file = os.path.join(self.root, self.files[i])  # noqa: PTH118 - the name may be no text
        if not os.path.isfile(file):  # noqa: PTH113
            return "unreadable", "there is no such file"
        return decode(file)

    def _block(self, start: int, stop: int, held: Any, faults: Any) -> Block:
        block = super()._block(start, stop, held, faults)
        named: dict[str, Any] = {name: values[block.places] for name, values in self.beside.items()}
        return dataclasses.replace(block, **named)


def root_for(path: Path, files: Sequence[str], asked: Columns) -> tuple[str, float]:
    """Return the folder below which the pictures lie that a file names, and the share of those tried that do.

    What the user named is taken; else the folder of the file, that of its split, and those beside it are tried.
    """
    here = path.parent
    written = root_of(path)
    guesses = [here, *([Path(written), here / written] if written else []), here / path.stem, here.parent]
    guesses += [folder / b for folder in (here, here.parent) for b in BESIDE]
    roots = [asked.root] if asked.root is not None else [str(g) for g in dict.fromkeys(guesses) if g.is_dir()]
    tried = [files[i] for i in np.unique(np.linspace(0, len(files) - 1, min(TRIED, len(files))).astype(int))]
    shares = [np.mean([os.path.isfile(os.path.join(r, f)) for f in tried]) for r in roots]  # noqa: PTH113, PTH118
    best = int(np.argmax(shares))
    return roots[best], float(shares[best])


def check_root(asked: Columns) -> None:
    """Make sure that the folder of the pictures is there, and that they can be read at all.

    Raises:
        UsageError: If not.
    """
    if asked.root is not None and not Path(asked.root).is_dir():
        msg = f"there is no folder {printable(asked.root)} for --root"
        raise UsageError(msg)
    try:
        import PIL  # noqa: F401 - the complaint comes before anything is read
    except ImportError:
        raise needs("Pillow", "pictures") from None


def open_list(path: Path, asked: Columns) -> ListedSource | None:
    """Return a list of pictures, one file a line with its label or without, None if the file is no such list.

    Raises:
        UsageError: If it is one, and the pictures lie nowhere.
    """
    if not _is_list(path):
        return None
    check_root(asked)
    name = printable(path)
    found = [LINE.fullmatch(os.fsdecode(line)) for line in _lines(path)]
    files = tuple(m["file"] if m else "" for m in found)
    named = [f for f in files if f]
    given = [m["label"] if m else None for m in found]
    several = any(len(FIELDS.split(g)) > 1 for g in given if g)
    root, share = root_for(path, named, asked)
    if share < ENOUGH and several:
        return None  # captions, boxes: a table, as far as can be told
    if share < ENOUGH:
        where = f"below {printable(root)}" if asked.root is not None else "beside it"
        missing = "none" if not share else "fewer than half"
        msg = f"{name} lists pictures such as {printable(named[0])}, and {missing} of them lie {where}: "
        raise UsageError(msg + "name their folder with --root")
    labels, label = (None, None) if several else _labels(given, files, asked)
    told = f"a list of pictures below {printable(root)}; {SEVERAL if several else TOLD[label]}"
    columns = Columns(root=asked.root)
    if labels is not None:
        columns = dataclasses.replace(columns, label=label, chosen={"label": "inferred"})
    beside = {"labels": labels} if labels is not None else {}
    lost = {i: "the line names no picture" for i, f in enumerate(files) if not f}
    return ListedSource(root, name, files, (None,) * len(files), columns, (told,), path=path, beside=beside, lost=lost)


def _is_list(path: Path) -> bool:
    """Tell whether each of the first lines names a picture and little else."""
    with opened(path) as stream:
        head = stream.read(HEAD)
        whole = not stream.read(1)
    lines = [x for x in head.splitlines() if x.strip()]
    lines = lines if whole or len(lines) == 1 else lines[:-1]  # the last may be cut off
    fits = [LINE.fullmatch(os.fsdecode(x)) is not None for x in lines]
    return bool(lines) and fits[0] and sum(fits) > 0.9 * len(fits)


def _lines(path: Path) -> Iterator[bytes]:
    with opened(path) as stream:
        yield from (line.strip(b"\r\n") for line in stream if line.strip())


def _labels(given: Sequence[str | None], files: Sequence[str], asked: Columns) -> tuple[Array | None, str | None]:
    """Return the labels of the lines, else those that the folders are, and which of both."""
    words = [g for g in given if g]
    if words and all(map(is_number, words)):
        return as_label(np.array([float(g) if g else np.nan for g in given])), "list"
    if words:
        return np.array(given, dtype=object), "list"
    level = _level(files, asked)
    tops = [f.split("/")[level] if f.count("/") > level else None for f in files]
    if level >= 0 and any(tops):
        return np.array([printable(t) if t else None for t in tops], dtype=object), "folder"
    return None, None


def _level(files: Sequence[str], asked: Columns) -> int:
    """Return which folder of the names is the class: the first in which they differ; -1 where there is none."""
    if asked.label == "folder" and asked.chosen.get("label") == FOLLOWS:
        return 0
    folders = [f.split("/")[:-1] for f in files if f]
    deep = min(map(len, folders), default=0)
    return next((i for i in range(deep) if len({f[i] for f in folders}) > 1), -1)
