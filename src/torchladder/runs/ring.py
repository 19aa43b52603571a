"""The last steps of a run in a small file that is mapped into memory: noted without a call of the system.

Lines are written many at a time. A step that has no line yet is here, and survives a kill of the process at any
moment. Its number is written last, so that a record which a kill has torn still bears the number of an older step.
"""

import errno
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SLOTS = 512  # steps that may wait for their lines; a power of two
RECORD = struct.Struct("<ddIIq")
NOTE, SIZE = RECORD.pack_into, RECORD.size
HAS_LOSS, KNOWN_MODE, TRAINING = 1, 2, 4
_SIZE = SLOTS * SIZE
_EMPTY = RECORD.pack(0.0, 0.0, 0, 0, -1) * SLOTS


class Noted(NamedTuple):
    """A step as it is noted: ``number`` is its optimizer's, ``flags`` tell what is known of it."""

    rate: float
    loss: float
    number: int
    flags: int
    step: int


class Ring:
    """Notes of steps; a slot is used again ``SLOTS`` steps later.

    A step is noted by ``NOTE(ring.notes, place_of(step), *Noted(...))``.

    Args:
        path: The file; None keeps the notes in memory alone.

    Raises:
        OSError: If the file cannot be made with its whole size: a mapped file must not meet a full disk later.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.notes: mmap.mmap | bytearray = bytearray(_EMPTY) if path is None else _mapped(path)

    def between(self, first: int, end: int) -> list[Noted]:
        """Return the notes of steps ``first`` to ``end - 1``, at most the last ``SLOTS``."""
        first = max(first, end - SLOTS)
        start, stop = place_of(first), place_of(end)
        notes = memoryview(self.notes)
        parts = (notes[start:stop],) if start < stop else (notes[start:], notes[:stop])
        return [Noted._make(note) for part in parts if first < end for note in RECORD.iter_unpack(part)]

    def close(self) -> None:
        """Remove the file: every step has its line."""
        if isinstance(self.notes, mmap.mmap):
            self.notes.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def place_of(step: int) -> int:
    """Return where the note of a step begins."""
    return (step & (SLOTS - 1)) * SIZE


def _mapped(path: Path) -> mmap.mmap:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        if os.write(file, _EMPTY) != _SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return mmap.mmap(file, _SIZE)
    finally:
        os.close(file)


def ring_rows(path: Path, after: int) -> Iterator[dict[str, Any]]:
    """Yield the steps later than ``after`` in order, in the form of lines; nothing if there is no file."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    whole = data[: len(data) // SIZE * SIZE]
    for seen in sorted(map(Noted._make, RECORD.iter_unpack(whole)), key=lambda noted: noted.step):
        if seen.step > after:
            tail = tail_of(seen.number)
            loss = {f"loss{tail}": seen.loss} if seen.flags & HAS_LOSS else {}
            yield {"step": seen.step, f"lr{tail}": seen.rate, **loss}


def tail_of(number: int) -> str:
    """Return what ends the names of an optimizer's scalars: nothing for the first, ".1" for the second."""
    return f".{number}" if number else ""
