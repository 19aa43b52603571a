"""The program's own variables, read without leaving a trace: where a batch is found again when a step is replayed."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from torchladder.runner.place import is_own_code

OPTIMIZED = 0x1  # CO_OPTIMIZED: a function's frame, whose locals Python copies into a dict when asked
SHARING = {"locals", "vars", "dir", "eval", "exec"}  # a function that calls these may hold that very dict
TORCH = str(Path(torch.__file__).parent) + os.sep
FRAMES_MAX = 60
ITEMS_MAX = 64  # entries of a container, or attributes of an object, that are looked at
PROXIED = (3, 13)  # from this Python on, asking for locals copies nothing
PLAIN = (bool, int, str, bytes, type(None), type, torch.dtype, torch.device, nn.Module)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value is found again: in a function's variable, or in a batch of a loader, and then along ``path``."""

    home: CodeType | int
    name: str
    path: tuple[tuple[str, Any], ...] = ()


def program_frames(start: FrameType | None) -> list[FrameType]:
    """Return the frames from ``start`` outwards that are neither ours nor torch's."""
    found: list[FrameType] = []
    frame = start
    while frame is not None and len(found) < FRAMES_MAX:
        name = frame.f_code.co_filename
        if not is_own_code(name) and not name.startswith(TORCH):
            found.append(frame)
        frame = frame.f_back
    return found


def variables(frame: FrameType) -> dict[str, Any]:
    """Return a copy of a frame's variables.

    Before Python 3.13 the frame keeps a dict of them from then on, which would keep tensors alive: it is emptied. A
    function that may itself hold that dict is not asked.
    """
    code = frame.f_code
    if not code.co_flags & OPTIMIZED:
        return dict(frame.f_locals)
    if SHARING.intersection(code.co_names):
        return {}
    shared = frame.f_locals
    copy = dict(shared)
    if sys.version_info < PROXIED and sys.gettrace() is None:
        shared.clear()
    return copy


class Surroundings:
    """The variables around a call, and the latest batches: a value is found by identity, and found again by source."""

    def __init__(self, frames: list[FrameType], batches: dict[int, Any]) -> None:
        self.tables: dict[CodeType, dict[str, Any]] = {}
        for frame in frames:
            self.tables.setdefault(frame.f_code, variables(frame))
        self.batches = dict(batches)

    def index(self) -> dict[int, Source]:
        """Return where each value is, by its id: batches first, then the innermost function."""
        found: dict[int, Source] = {}
        homes: list[tuple[CodeType | int, dict[str, Any]]] = [(k, {"batch": b}) for k, b in self.batches.items()]
        for home, table in [*homes, *self.tables.items()]:
            for name, value in table.items():
                for path, inner in _within(value, depth=3 if isinstance(home, int) else 2):
                    found.setdefault(id(inner), Source(home, name, path))
        return found

    def whole_numbers(self) -> dict[int, list[Source]]:
        """Return the variables that hold each whole number: a candidate each, for numbers have no identity."""
        found: dict[int, list[Source]] = {}
        for home, table in self.tables.items():
            for name, value in table.items():
                if type(value) is int:
                    found.setdefault(value, []).append(Source(home, name))
        return found

    def find(self, source: Source) -> Any:
        """Return the value at a source now; raises LookupError when there is none."""
        table = {"batch": self.batches[source.home]} if isinstance(source.home, int) else self.tables[source.home]
        value = table[source.name]
        for kind, key in source.path:
            value = value[key] if kind == "item" else vars(value)[key]
        return value


def _within(value: Any, depth: int) -> Iterator[tuple[tuple[tuple[str, Any], ...], Any]]:
    """Yield (path, value) of a value and of what it holds, as far as that can be looked up again."""
    if isinstance(value, PLAIN):
        return
    yield (), value
    if depth <= 0 or isinstance(value, torch.Tensor | float):
        return
    held: list[tuple[tuple[str, Any], Any]] = []
    if isinstance(value, list | tuple) and len(value) <= ITEMS_MAX:
        held = [(("item", i), v) for i, v in enumerate(value)]
    elif isinstance(value, dict) and len(value) <= ITEMS_MAX:
        held = [(("item", k), v) for k, v in value.items()]
    elif not callable(value):
        with contextlib.suppress(AttributeError):
            own = object.__getattribute__(value, "__dict__")
            held = [(("attr", k), v) for k, v in own.items()] if type(own) is dict and len(own) <= ITEMS_MAX else []
    for step, inner in held:
        for path, deepest in _within(inner, depth - 1):
            yield (step, *path), deepest
