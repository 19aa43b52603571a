"""Arrays as a data set: which of them holds the samples and which the labels, by their names and lengths."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.files import bare, printable, ranges, stamp
from torchladder.sets.roles import FOLLOWS, LABELS, SIDES, nearest, side_of
from torchladder.sets.source import Columns
from torchladder.sets.stored import InMemory, Stored, idx, is_idx, npy, npz
from torchladder.sets.typed import as_label, as_times

BLOCK_BYTES = 16 << 20
BLOCK_ROWS = 8192
SMALLEST_PICTURE = 8  # pixels along one side
LABEL_WORDS = (*LABELS, "targets", "ys", "lab")
WORDS = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=\d)")
STEMS = ("x", "y", "input", "inputs", "data", "images", "features", "label", "labels", "target", "targets")
SHORT = {"train": ("tr",), "validation": ("va", "vl"), "test": ("te", "tst")}  # in names of arrays only
ARRAY_ROLES = ("label", "group", "time", "predictions")


@dataclass
class ArraySource:
    """Samples in one array, labels in another of the same length, and ``others`` by their role: groups, times."""

    name: str
    x: Stored
    y: Stored | None
    kind: Kind
    columns: Columns
    told: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    others: dict[str, Stored] = field(default_factory=dict)
    turned: bool = False  # whether channels come first in the file
    whole: bool = True  # whether these are all samples there are
    _key: str = field(default="", repr=False)

    @property
    def rows(self) -> int:
        """Samples there are."""
        return int(self.x.shape[0])

    @property
    def grain(self) -> int:
        """Rows that are read at least to get at one."""
        return 1 if self.x.direct else self.rows

    def fingerprint(self) -> str:
        """Return what changes with the files, or with the values of arrays in memory."""
        if not self.files and not self._key:
            whole = [next(a.parts(0, a.shape[0], max(a.shape[0], 1)), None) for a in (self.x, self.y) if a is not None]
            self._key = repr([sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in whole if a is not None])
        return stamp(self.files, self.name, self.columns, self.x.shape, self._key)

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges; one where the file can only be read from its beginning."""
        return ranges(self.rows, size if self.x.direct else max(self.rows, 1))

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield a few megabytes at a time."""
        width = max(math.prod(self.x.shape[1:]) * self.x.dtype.itemsize, 1)
        step = max(1, min(BLOCK_ROWS, BLOCK_BYTES // width))
        beside = ({"label": self.y} if self.y is not None else {}) | self.others
        read = {role: a.parts(start, stop, step) for role, a in beside.items()}
        at = start
        for x in self.x.parts(start, stop, step):
            end = min(at + step, stop)
            yield self._block(
                at, end, x, {role: a for role, part in read.items() if (a := next(part, None)) is not None}
            )
            at = end

    def _block(self, at: int, end: int, x: Array, beside: dict[str, Array]) -> Block:
        n = len(x)
        time = beside.get("time")
        lost = tuple(Fault(f"sample {i}", "truncated", "the file ends before it") for i in range(at + n, end))
        pictures = self.kind is Kind.IMAGES
        return Block(
            start=at,
            stop=end,
            kind=self.kind,
            places=np.arange(at, at + n),
            names=tuple(f"sample {i}" for i in range(at, at + n)),
            images=tuple(as_picture(one, turned=self.turned) for one in x) if pictures else (),
            arrays=None if pictures else x,
            labels=_labels(beside.get("label"), n),
            groups=_labels(beside.get("group"), n),
            predictions=_labels(beside.get("predictions"), n),
            times=as_times(time[:n]) if time is not None else None,
            faults=lost,
        )


def _labels(y: Array | None, n: int) -> Array | None:
    if y is None or len(y) < n:
        return None
    flat = y[:n].reshape(n, -1)
    if flat.shape[1] == 1:
        only = flat[:, 0]
        return as_label(only.astype(object) if only.dtype.kind in "US" else only)
    return np.asarray(flat.argmax(axis=1))


def as_picture(one: Array, *, turned: bool) -> Array:
    """Return one picture as (height, width, channels)."""
    if one.ndim == 2:  # noqa: PLR2004 - height and width
        return one[:, :, None]
    return np.moveaxis(one, 0, -1) if turned else one


def layout(shape: Sequence[int], dtype: Any) -> tuple[Kind, bool]:
    """Return whether samples of a shape are pictures, and whether their channels come first."""
    size = tuple(shape)
    if np.dtype(dtype) == np.uint8 and len(size) == 2 and min(size) >= SMALLEST_PICTURE:  # noqa: PLR2004
        return Kind.IMAGES, False
    if np.dtype(dtype) == np.uint8 and len(size) == 3:  # noqa: PLR2004
        if size[2] in {1, 3, 4} and min(size[:2]) >= SMALLEST_PICTURE:
            return Kind.IMAGES, False
        if size[0] in {1, 3, 4} and min(size[1:]) >= SMALLEST_PICTURE:
            return Kind.IMAGES, True
    return Kind.ARRAYS, False


def from_arrays(
    name: str, arrays: Mapping[str, Stored], asked: Columns, files: Sequence[Path] = ()
) -> list[tuple[str | None, ArraySource]]:
    """Return the sides that named arrays hold: one, or one a side where the names say so.

    Raises:
        UsageError: If no array holds samples, or an array that was named is not there.
    """
    usable = {n: a for n, a in arrays.items() if a.shape}
    sides = {n: parted(n)[0] for n in usable}
    split = [s for s in ("train", "validation", "test") if s in sides.values()]
    if "train" not in split or len(split) == 1:
        return [(split[0] if len(split) == 1 else None, _one(name, usable, asked, files))]
    _all_there(name, usable, asked)
    found: list[tuple[str | None, ArraySource]] = []
    for side in split:
        part = {n: a for n, a in usable.items() if sides[n] == side}
        found.append((side, _one(f"{name}:{side}", part, _renamed(asked, part), files)))
    neither = [n for n, side in sides.items() if side is None]
    if neither:
        first = found[0][1]
        first.told = (*first.told, f"of no side and not looked at: {', '.join(f'`{n}`' for n in neither)}")
    return found


def _all_there(name: str, arrays: Mapping[str, Stored], asked: Columns) -> None:
    """Make sure that every array that the user named is there.

    Raises:
        UsageError: If one is not.
    """
    for role in ARRAY_ROLES:
        wanted = getattr(asked, role)
        known = {*arrays, *(parted(n)[1] for n in arrays)}
        if wanted is not None and asked.chosen.get(role) != FOLLOWS and wanted not in known:
            msg = f"{name} has no array {wanted!r} to take as {role}; its arrays are {nearest(wanted, list(arrays))}"
            raise UsageError(msg)


def _renamed(asked: Columns, part: Mapping[str, Stored]) -> Columns:
    """Return what was asked for by the names that one side has: `y_val` where `y_train` was named."""
    names: dict[str, Any] = {}
    for role in ARRAY_ROLES:
        wanted = getattr(asked, role)
        if wanted is None or wanted in part:
            continue
        alike = [n for n in part if parted(n)[1] == parted(wanted)[1]]
        names[role] = alike[0] if len(alike) == 1 else None
    return dataclasses.replace(asked, **names)


def _one(name: str, arrays: Mapping[str, Stored], asked: Columns, files: Sequence[Path]) -> ArraySource:
    if not arrays:
        msg = f"{name} holds no array of samples"
        raise UsageError(msg)
    _all_there(name, arrays, asked)
    asked = _renamed(asked, arrays)
    chosen = {role: n for role in ARRAY_ROLES if (n := getattr(asked, role)) is not None}
    labels = chosen.get("label") or _label_among(arrays)
    rest = {n: a for n, a in arrays.items() if n != labels and n not in chosen.values()}
    if not rest:
        msg = f"{name} holds labels only" if labels else f"{name} holds no array of samples"
        raise UsageError(msg)
    x = max(rest, key=lambda n: (math.prod(rest[n].shape), n))
    kind, turned = layout(rest[x].shape[1:], rest[x].dtype)
    y = arrays[labels] if labels is not None else None
    told = [f"samples are `{x}`, {_words(rest[x])}"]
    if y is not None and y.shape[0] != rest[x].shape[0]:
        told.append(f"`{labels}` has {y.shape[0]:,} entries for {rest[x].shape[0]:,} samples and is not used as labels")
        y = None
    elif labels is not None:
        told.append(f"labels are `{labels}`")
    else:
        told.append("no array of labels was found")
    left = [n for n in rest if n != x]
    told += [f"not looked at: {', '.join(f'`{n}`' for n in left)}"] if left else []
    made = Columns(
        label=labels if y is not None else None,
        group=chosen.get("group"),
        time=chosen.get("time"),
        predictions=chosen.get("predictions"),
        chosen=dict.fromkeys(chosen, "user") | ({} if "label" in chosen or y is None else {"label": "inferred"}),
    )
    others = {r: arrays[n] for r, n in chosen.items() if r != "label"}
    return ArraySource(name, rest[x], y, kind, made, ("; ".join(told),), tuple(files), others, turned)


def parted(name: str) -> tuple[str | None, str]:
    """Return which side an array is of by its name, and its name without that: X_train, xtrain and trainX are one."""
    whole = " ".join(w for w in WORDS.split(name.removesuffix(".npy").lower()) if w)
    words = whole.split()
    known = side_of(name)
    for side, marks in SIDES.items():
        for mark in (*marks, *SHORT[side]):
            if mark in words and (known in {side, None}):
                return side, " ".join(w for w in words if w != mark)
            stem = next((w for w in STEMS if whole in {w + mark, mark + w}), None)
            if stem is not None:
                return side, stem
    return known, whole


def _words(a: Stored) -> str:
    return f"{a.shape[0]:,} x [{', '.join(map(str, a.shape[1:]))}] {a.dtype.name}"


def _label_among(arrays: Mapping[str, Stored]) -> str | None:
    """Return the array of labels: by its name, else the only one with one entry a sample beside a larger one."""
    narrow = [n for n, a in arrays.items() if math.prod(a.shape[1:]) == 1]
    named = [n for n in arrays if set(parted(n)[1].split()) & set(LABEL_WORDS)]
    found = [n for n in named if n in narrow] or [n for n in named if len(arrays[n].shape) == 2]  # noqa: PLR2004
    if found:
        return found[0]
    lengths = {a.shape[0] for n, a in arrays.items() if n not in narrow}
    alone = [n for n in narrow if arrays[n].shape[0] in lengths]
    return alone[0] if len(alone) == 1 else None


def open_arrays(path: Path, asked: Columns) -> list[tuple[str | None, ArraySource]]:
    """Return the sides of a .npz, .npy or idx file; labels of the latter two are looked for beside them."""
    name = printable(path)
    if bare(path) == ".npz":
        return from_arrays(name, npz(path), asked, [path])
    read = npy if bare(path) == ".npy" else idx
    beside = _partner(path)
    found: dict[str, Stored] = {path.name: read(path)}
    if beside is not None:
        found[beside.name] = read(beside)
    if beside is None and len(found[path.name].shape) == 1 and asked.label is None:
        return [(side_of(path.name), _one(name, found, asked, [path]))]
    return [(side_of(path.name), _one(name, found, asked, [path, *([beside] if beside else [])]))]


def _partner(path: Path) -> Path | None:
    """Return the file of labels that belongs to a file of samples, as MNIST and many others name them."""
    pairs = (("images", "labels"), ("idx3", "idx1"), ("idx4", "idx1"), ("data", "labels"), ("features", "labels"))
    name = path.name
    for old, new in pairs:
        name = name.replace(old, new)
    guesses = [path.with_name(name)]
    guesses += [path.with_name(re.sub(r"(?<![a-zA-Z])[xX](?![a-zA-Z])", y, path.name)) for y in ("y", "Y", "labels")]
    return next((g for g in guesses if g != path and g.is_file()), None)


def array_files(folder: Path) -> list[Path]:
    """Return the .npy and idx files of a folder, if it is one of arrays."""
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith(".")]
    return [p for p in files if bare(p) == ".npy" or ("ubyte" in p.name and is_idx(p))]


def open_folder(folder: Path, files: Sequence[Path], asked: Columns) -> list[tuple[str | None, ArraySource]]:
    """Return the sides that the arrays of a folder make up."""
    arrays = {p.name: npy(p) if bare(p) == ".npy" else idx(p) for p in files}
    return from_arrays(printable(folder), arrays, asked, files)


def in_memory(name: str, x: Array, y: Array | None, told: tuple[str, ...] = (), *, whole: bool = True) -> ArraySource:
    """Return arrays that are there already as a source; ``whole`` says whether they are all there is."""
    kind, turned = layout(x.shape[1:], x.dtype)
    columns = Columns(label="labels", chosen={"label": "inferred"}) if y is not None else Columns()
    stored = InMemory(y) if y is not None else None
    return ArraySource(name, InMemory(x), stored, kind, columns, told, turned=turned, whole=whole)
