"""TensorBoard event files, read without TensorBoard: length, check sum, payload, check sum, and again.

A payload is a protocol buffer of which five fields matter: step, and of each value its tag and number. A file that
breaks off (the run was killed, or goes on) is read up to there. Records of one length that differ in their numbers
only, which nearly all of a long file do, are taken out together.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from torchladder.logs.protobuf import FIXED32, FIXED64, LENGTH, fields, varint
from torchladder.logs.table import Column, LogError, Table

HEAD, TAIL = 12, 4  # length and its check sum before a payload, the check sum of the payload after
MANY = 64  # records of one length from which on a pattern is looked for
PATTERNS = 40  # patterns tried for records of one length
WALL, STEP, SUMMARY, VALUE, TAG, SIMPLE, TENSOR = 1, 2, 5, 1, 1, 2, 8
FLOATS, DOUBLES, CONTENT, DTYPE = 5, 6, 4, 1
DT_FLOAT, DT_DOUBLE = 1, 2
MAX_PAYLOAD = 1 << 28
Bytes = NDArray[np.uint8]
Points = dict[str, list[tuple[float, float]]]


def read(path: Path, source: str) -> Table:
    """Return the scalars of one event file.

    Raises:
        LogError: If it has none.
    """
    points, torn = points_of(path)
    return table_of(points, source, torn=torn)


def table_of(points: "dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]", source: str, *, torn: bool) -> Table:
    """Return a table with a row for each step that any tag has a value at."""
    if not points:
        msg = f"{source}: {'breaks off before' if torn else 'is an event file without'} the first scalar"
        raise LogError(msg)
    # A step that comes twice (a run that was resumed) must stay two rows, in the order written.
    main = max(points.values(), key=lambda p: len(p[0]))[0]
    rising = bool((np.diff(main) > 0).all())
    notes = ("it breaks off in the middle of a record, and was read up to there",) if torn else ()
    if rising:
        axis = np.unique(np.concatenate([s for s, _ in points.values()]))
        columns = [Column("step", np.arange(len(axis), dtype=np.int64), axis)]
        for tag, (steps, values) in points.items():
            columns.append(Column(tag, np.searchsorted(axis, steps).astype(np.int64), values))
        return Table(source, "TensorBoard events", len(axis), tuple(columns), notes=notes)
    columns, at = [], 0
    steps_all, rows_all = [], []
    for tag, (steps, values) in points.items():
        rows = np.arange(at, at + len(steps), dtype=np.int64)
        columns.append(Column(tag, rows, values))
        steps_all.append(steps)
        rows_all.append(rows)
        at += len(steps)
    first = Column("step", np.concatenate(rows_all), np.concatenate(steps_all))
    return Table(source, "TensorBoard events", at, (first, *columns), notes=notes)


def points_of(path: Path) -> "tuple[dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]], bool]":
    """Return tag -> (steps, values) in the order written, and whether the file breaks off."""
    data = path.read_bytes()
    starts, lengths, torn = _walk(data)
    found: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    arrays: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]] = defaultdict(list)
    raw = np.frombuffer(data, np.uint8)
    for length in np.unique(lengths):
        here = np.flatnonzero(lengths == length)
        left = here
        for _ in range(PATTERNS):
            if len(left) < MANY:
                break
            left = _together(raw, data, starts, left, int(length), arrays)
        for i in left:
            for tag, step, value in _scalars(data, int(starts[i]), int(starts[i] + length)):
                found[tag].append((int(i), step, value))
    merged = {}
    for tag in [*found, *(t for t in arrays if t not in found)]:
        single = np.array(found.get(tag, []), dtype=np.float64).reshape(-1, 3)
        parts = [np.column_stack([i, s, v]) for i, s, v in arrays.get(tag, [])]
        every = np.concatenate([single, *parts])
        every = every[np.argsort(every[:, 0], kind="stable")]
        merged[tag] = (every[:, 1], every[:, 2])
    return merged, torn


def _walk(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Return where payloads begin, how long they are, and whether the file breaks off inside one."""
    starts, lengths = [], []
    at, end = 0, len(data)
    unpack = struct.Struct("<Q").unpack_from
    torn = False
    while at < end:
        if at + HEAD > end:
            torn = True
            break
        (length,) = unpack(data, at)
        if length > MAX_PAYLOAD or at + HEAD + length + TAIL > end:
            torn = True
            break
        starts.append(at + HEAD)
        lengths.append(length)
        at += HEAD + length + TAIL
    return np.array(starts, np.int64), np.array(lengths, np.int64), torn


def _scalars(data: bytes, at: int, end: int) -> Iterator[tuple[str, float, float]]:
    """Yield tag, step and value of the scalars in an event."""
    step = 0
    for number, kind, begin, stop in fields(data, at, end):
        if number == STEP and kind == 0:
            step = varint(data, begin)[0]
        elif number == SUMMARY and kind == LENGTH:
            for inner, _, b, e in fields(data, begin, stop):
                if inner != VALUE:
                    continue
                tag, value = _value(data, b, e)
                if value is not None:
                    yield tag, float(step), value


def _value(data: bytes, at: int, end: int) -> tuple[str, float | None]:
    tag, value = "", None
    for number, kind, begin, stop in fields(data, at, end):
        if number == TAG and kind == LENGTH:
            tag = data[begin:stop].decode("utf-8", "replace")
        elif number == SIMPLE and kind == FIXED32:
            value = float(struct.unpack_from("<f", data, begin)[0])
        elif number == TENSOR and kind == LENGTH:
            value = _of_tensor(data, begin, stop)
    return tag, value


def _of_tensor(data: bytes, at: int, end: int) -> float | None:
    """Return the number of a tensor that holds exactly one."""
    dtype = DT_FLOAT
    for number, kind, begin, stop in fields(data, at, end):
        if number == DTYPE and kind == 0:
            dtype = varint(data, begin)[0]
            continue
        size = stop - begin
        if number in {FLOATS, DOUBLES, CONTENT}:
            double = number == DOUBLES or (number == CONTENT and dtype == DT_DOUBLE)
            if size == (8 if double else 4) and dtype in {DT_FLOAT, DT_DOUBLE}:
                return float(struct.unpack_from("<d" if double else "<f", data, begin)[0])
    return None


def _together(
    raw: Bytes,
    data: bytes,
    starts: NDArray[np.int64],
    of: NDArray[np.int64],
    length: int,
    arrays: "dict[str, list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]]",
) -> NDArray[np.int64]:
    """Take out of records of one length those built like the first; return the others."""
    at = int(starts[of[0]])
    places = _places(data, at, at + length)
    if places is None:
        for tag, step, value in _scalars(data, at, at + length):
            arrays[tag].append((of[:1], np.array([step]), np.array([value])))
        return of[1:]
    tag, (step_at, step_end), value_at, free = places
    matrix = raw[starts[of][:, None] + np.arange(length)]
    fixed = np.ones(length, dtype=bool)
    for low, high in free:
        fixed[low - at : high - at] = False
    same = (matrix[:, fixed] == matrix[0, fixed]).all(axis=1)
    varint = matrix[:, step_at - at : step_end - at]
    if varint.shape[1]:
        same &= (varint[:, :-1] >= 0x80).all(axis=1) & (varint[:, -1] < 0x80)  # noqa: PLR2004 - as in varint
    steps = np.zeros(int(same.sum()))
    for i in range(varint.shape[1]):
        steps += (varint[same, i] & 0x7F).astype(np.float64) * math.pow(2, 7 * i)
    four = np.ascontiguousarray(matrix[same, value_at - at : value_at - at + 4])
    values = four.view("<f4").ravel().astype(np.float64)
    arrays[tag].append((of[same], steps, values))
    left: NDArray[np.int64] = of[~same]
    return left


def _places(data: bytes, at: int, end: int) -> tuple[str, tuple[int, int], int, list[tuple[int, int]]] | None:
    """Return the tag of a plain scalar event, where step and value are, and which bytes may differ; None if it is not.

    A step of 0 is not written at all: such a record is of a length of its own.
    """
    step = (at, at)
    found: tuple[str, int] | None = None
    free: list[tuple[int, int]] = []
    for number, kind, begin, stop in fields(data, at, end):
        if number == WALL and kind == FIXED64:
            free.append((begin, stop))
        elif number == STEP and kind == 0:
            step = (begin, stop)
            free.append(step)
        elif number == SUMMARY and kind == LENGTH:
            inner = list(fields(data, begin, stop))
            if len(inner) != 1:
                return None
            tag = ""
            for n, k, b, e in fields(data, inner[0][2], inner[0][3]):
                if n == TAG:
                    tag = data[b:e].decode("utf-8", "replace")
                elif n == SIMPLE and k == FIXED32:
                    found = (tag, b)
                    free.append((b, e))
    return (found[0], step, found[1], free) if found is not None and found[0] else None
