"""The file of a W&B run (``run-*.wandb``, which an offline run leaves), read without W&B.

Records lie in blocks of 32 KB, cut where a block ends; each is a protocol buffer, and those of the history hold names
with values as JSON. A file that breaks off is read up to there.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from torchladder.logs.protobuf import LENGTH, fields
from torchladder.logs.table import Gathered, LogError, Table, number

MAGIC = b":W&B"
FRONT, BLOCK, HEAD = 7, 1 << 15, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HISTORY, ITEM, KEY, NESTED, VALUE = 2, 1, 1, 2, 16


def read(path: Path, source: str) -> Table:
    """Return the history of a run.

    Raises:
        LogError: If it has none.
    """
    gathered = Gathered()
    torn = False
    for record in _records(path.read_bytes()):
        if record is None:
            torn = True
            break
        for kind, _, begin, end in fields(record, 0, len(record)):
            if kind == HISTORY:
                gathered.row(_cells(record, begin, end))
    columns = gathered.columns()
    if not columns:
        msg = f"{source}: {'breaks off before' if torn else 'is a W&B run without'} the first logged value"
        raise LogError(msg)
    notes = ("it breaks off in the middle of a record, and was read up to there",) if torn else ()
    return Table(source, "W&B run", gathered.count, columns, notes=notes)


def _records(data: bytes) -> Iterator[bytes | None]:
    """Yield whole records, and None where the file breaks off inside one."""
    at, parts = FRONT, b""
    while at < len(data):
        if BLOCK - at % BLOCK < HEAD:  # too little for a head: the rest of the block is empty
            at += BLOCK - at % BLOCK
            continue
        if at + HEAD > len(data):
            yield None
            return
        size, kind = struct.unpack_from("<HB", data, at + 4)
        part = data[at + HEAD : at + HEAD + size]
        at += HEAD + size
        if len(part) < size or kind not in {FULL, FIRST, MIDDLE, LAST}:
            yield None
            return
        parts = part if kind in {FULL, FIRST} else parts + part
        if kind in {FULL, LAST}:
            yield parts


def _cells(data: bytes, at: int, end: int) -> Iterator[tuple[str, float]]:
    """Yield names and numbers of a row of the history; W&B's own step comes as ``_step``."""
    for kind, form, begin, stop in fields(data, at, end):
        if kind != ITEM or form != LENGTH:
            continue
        names, value = [], ""
        for inner, _, b, e in fields(data, begin, stop):
            if inner in {KEY, NESTED}:
                names.append(data[b:e].decode("utf-8", "replace"))
            elif inner == VALUE:
                value = data[b:e].decode("utf-8", "replace")
        try:
            found = number(json.loads(value))
        except ValueError:
            continue
        name = "/".join(n for n in names if n)
        if found is not None and name not in {"_runtime", "_timestamp"}:
            yield name, found
