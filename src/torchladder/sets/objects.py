"""Data sets of PyTorch, and anything that is indexed like one: made by a function of the user's, read by index."""

import contextlib
import hashlib
import importlib.util
import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import ProgramError, UsageError
from torchladder.sets.arrays import as_picture, layout
from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.files import ranges, stamp
from torchladder.sets.roles import LABELS, TEXTS, side_of
from torchladder.sets.source import Columns
from torchladder.sets.typed import as_label, as_texts

BLOCK_BYTES = 16 << 20
BLOCK_ROWS = 1024
INPUTS = ("x", "image", "images", "img", "pixel_values", "input", "inputs", "input_ids", "features", "data", *TEXTS)
LOST_IN_A_ROW = 100  # samples that fail one after the other before the rest is given up
CACHE: dict[str, Any] = {}  # what a function gave, in this process


@dataclass(frozen=True, slots=True)
class Item:
    """One sample as it was given: its input, and its label where there is one."""

    x: Any
    y: Any


@dataclass
class ObjectSource:
    """A data set that a function made. Other processes call the function themselves."""

    spec: str
    part: str | int | None
    name: str
    kind: Kind
    rows: int | None
    columns: Columns
    told: tuple[str, ...] = ()
    turned: bool = False
    folder: str = ""
    _data: Any = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the data itself behind: it may hold open files."""
        return {**self.__dict__, "_data": None}

    @property
    def data(self) -> Any:
        """The data set, made anew in another process."""
        if self._data is None:
            made = made_by(self.spec, self.folder)
            self._data = unwrapped(made if self.part is None else made[self.part])
        return self._data

    def fingerprint(self) -> str:
        """Return what changes with the file of the function, the length and the first sample."""
        file = Path(self.folder, self.spec.rpartition(":")[0])
        first = repr(next(iter(self.blocks(0, 1)), None))
        return stamp(
            [file], self.name, self.rows, self.columns, hashlib.sha256(first.encode("utf-8", "replace")).hexdigest()
        )

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges; one for what can only be iterated."""
        return ranges(self.rows, size) if self.rows is not None else [(0, 1 << 62)]

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield samples until they come to some megabytes, or until one has another shape."""
        held: list[tuple[int, Any, Any]] = []
        faults: list[Fault] = []
        size, first, shape = 0, start, None
        for i, item in self._items(start, stop):
            if isinstance(item, Fault):
                faults.append(item)
                continue
            x = self._value(item.x)
            new = x.shape if isinstance(x, np.ndarray) else ()
            if held and (size >= BLOCK_BYTES or len(held) >= BLOCK_ROWS or (new != shape and self.kind is Kind.ARRAYS)):
                yield self._block(first, i, held, faults)
                held, faults, size, first = [], [], 0, i
            shape = new
            size += x.nbytes if isinstance(x, np.ndarray) else len(x)
            held.append((i, x, scalar(item.y)))
        if held or faults:
            end = min(stop, self.rows) if self.rows is not None else max(h[0] for h in held) + 1
            yield self._block(first, end, held, faults)

    def _items(self, start: int, stop: int) -> Iterator[tuple[int, Item | Fault]]:
        if self.rows is None:
            yield from ((i, item_of(v)) for i, v in enumerate(islice(iter(self.data), start, stop), start))
            return
        lost = 0
        for i in range(start, min(stop, self.rows)):
            try:
                item: Item | Fault = item_of(self.data[i])
                lost = 0
            except Exception as error:
                lost += 1
                item = Fault(
                    f"sample {i}", "unreadable", f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
                )
            yield i, item
            if lost >= LOST_IN_A_ROW and i + 1 < stop:
                words = f"{LOST_IN_A_ROW} samples before it could not be read"
                yield stop - 1, Fault(f"samples {i + 1} to {stop - 1}", "unreadable", words, stop - 1 - i)
                return

    def _value(self, x: Any) -> Any:
        if self.kind is Kind.TEXT:
            return as_texts(np.array([x], dtype=object))[0]
        value = array(x)
        return as_picture(value, turned=self.turned) if self.kind is Kind.IMAGES else value

    def _block(self, start: int, stop: int, held: list[tuple[int, Any, Any]], faults: list[Fault]) -> Block:
        xs = [x for _, x, _ in held]
        ys = [y for _, _, y in held]
        labelled = bool(ys) and all(y is not None for y in ys)
        return Block(
            start=start,
            stop=stop,
            kind=self.kind,
            places=np.array([i for i, _, _ in held], dtype=np.int64),
            names=tuple(f"sample {i}" for i, _, _ in held),
            images=tuple(xs) if self.kind is Kind.IMAGES else (),
            texts=tuple(xs) if self.kind is Kind.TEXT else (),
            arrays=np.stack(xs) if self.kind is Kind.ARRAYS and xs else None,
            labels=labels(ys) if labelled else None,
            faults=tuple(faults),
        )


def unwrapped(made: Any) -> Any:
    """Return the data set of a loader, anything else as it is."""
    return getattr(made, "dataset", made) if hasattr(made, "collate_fn") else made


def labels(ys: list[Any]) -> Array:
    """Return labels as numbers where all of them are, else as names."""
    if all(isinstance(y, bool | int | float | np.generic) for y in ys):
        return as_label(np.array(ys))
    return np.array([str(y) for y in ys], dtype=object)


def item_of(value: Any) -> Item:
    """Return a sample's input and label: of a pair the first and the second, of a record those that are called so."""
    if isinstance(value, Mapping):
        names = {str(k).lower(): k for k in value}
        x = next((value[names[n]] for n in INPUTS if n in names), None)
        y = next((value[names[n]] for n in LABELS if n in names), None)
        return Item(x if x is not None else next(iter(value.values())), y)
    if isinstance(value, tuple | list) and len(value) > 1:
        return Item(value[0], value[1])
    if isinstance(value, tuple | list) and value:
        return Item(value[0], None)
    return Item(value, None)


def array(x: Any) -> Array:
    """Return a tensor, a picture or numbers as an array."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.float() if str(x.dtype) in {"torch.bfloat16", "torch.float16"} else x
        return np.asarray(x.numpy())
    if hasattr(x, "convert") and getattr(x, "mode", "") in {"P", "1", "CMYK", "YCbCr"}:
        x = x.convert("L" if x.mode == "1" else "RGB")
    return np.asarray(x)


def scalar(y: Any) -> Any:
    """Return a label as one number or word, None for anything larger."""
    if y is None or isinstance(y, str | bool | int | float):
        return y
    try:
        value = array(y)
    except (TypeError, ValueError):
        return None
    return value.reshape(-1)[0].item() if value.size == 1 and value.dtype.kind in "biuf" else None


def made_by(spec: str, folder: str) -> Any:
    """Return what ``path.py:name`` stands for: called where it can be called, else as it is.

    Raises:
        UsageError: If there is no such file or name in it.
        ProgramError: If the user's code raises.
    """
    if spec in CACHE:
        return CACHE[spec]
    file, _, name = spec.rpartition(":")
    path = Path(folder, file)
    if not path.is_file() or path.suffix != ".py":
        msg = f"there is no Python file {file}"
        raise UsageError(msg)
    for place in (str(path.parent), folder):
        if place not in sys.path:
            sys.path.insert(0, place)
    described = importlib.util.spec_from_file_location(f"_data_{path.stem}", path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules[described.name] = module  # classes of the module can be pickled then
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            described.loader.exec_module(module)
            found = getattr(module, name, None)
            made = found() if callable(found) and not hasattr(found, "__getitem__") else found
        except Exception as error:
            msg = f"{spec} failed: {type(error).__name__}: {error}"
            raise ProgramError(msg) from error
    if made is None:
        msg = f"{file} has no {name!r}" if found is None else f"{spec} returned nothing"
        raise UsageError(msg)
    CACHE[spec] = made
    return made


def open_object(spec: str, asked: Columns) -> list[tuple[str | None, ObjectSource]]:
    """Return the sides that a function or an object of the user's holds: one, several in a tuple or by name."""
    folder = os.getcwd()  # noqa: PTH109
    made = made_by(spec, folder)
    if isinstance(made, Mapping):
        return [(side_of(str(k)), _one(spec, folder, v, k, asked)) for k, v in made.items()]
    if isinstance(made, tuple) and made and all(hasattr(d, "__getitem__") and len(d) for d in made):
        roles = ["train", *("test" for _ in made[1:])]
        return [(roles[i], _one(spec, folder, d, i, asked)) for i, d in enumerate(made)]
    return [(None, _one(spec, folder, made, None, asked))]


def _one(spec: str, folder: str, data: Any, part: Any, asked: Columns) -> ObjectSource:
    name = spec if part is None else f"{spec}[{part}]"
    data = unwrapped(data)
    try:
        rows = len(data) if hasattr(data, "__getitem__") else None
    except TypeError:
        rows = None
    if rows is None and not hasattr(data, "__iter__"):
        msg = f"{name} is {type(data).__name__}: neither indexed nor iterated, so no data set"
        raise UsageError(msg)
    if rows == 0:
        msg = f"{name} is empty"
        raise UsageError(msg)
    kind, turned, words, labelled = _looked_at(data, rows, name)
    label = asked.label if asked.label is not None else "second of each sample" if labelled else None
    columns = Columns(label=label, chosen={"label": "inferred"} if label else {})
    return ObjectSource(spec, part, name, kind, rows, columns, words, turned, folder, data)


def _looked_at(data: Any, rows: int | None, name: str) -> tuple[Kind, bool, tuple[str, ...], bool]:
    """Return what the first samples show."""
    try:
        first = item_of(data[0] if rows is not None else next(iter(data)))
    except Exception as error:
        msg = f"the first sample of {name} failed: {type(error).__name__}: {error}"
        raise ProgramError(msg) from error
    labelled = scalar(first.y) is not None
    told = () if labelled else ("no label is one number or word",)
    if isinstance(first.x, str):
        return Kind.TEXT, False, told, labelled
    try:
        value = array(first.x)
    except (TypeError, ValueError):
        value = np.zeros(0, dtype=object)
    if value.dtype == object or value.dtype.kind not in "biuf":
        msg = f"samples of {name} are {type(first.x).__name__}: no tensors, pictures, numbers or texts"
        raise UsageError(msg)
    kind, turned = layout(value.shape, value.dtype)
    return kind, turned, told, labelled
