"""Rows of a table written to a file for each side, as they stand: not a byte of a row is changed."""

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.sets.delimited import DelimitedSource, quote_of
from torchladder.sets.files import is_gzip, opened
from torchladder.sets.jsonl import JsonSource
from torchladder.sets.lines import ends, in_order
from torchladder.sets.listed import ListedSource
from torchladder.sets.rows import RowSource, tables

BATCH = 8192
Sides = NDArray[np.int64]  # the side of each row of the source, -1 for none


def write_text(source: DelimitedSource | JsonSource | ListedSource, sides: Sides, files: list[Path]) -> None:
    """Write the lines of each side to its file, below the header if there is one.

    Raises:
        UsageError: If the lines are not the rows that were read.
    """
    if isinstance(source, DelimitedSource) and source.dialect.encoding == "utf-16":
        msg = f"{source.name} is UTF-16, whose lines cannot be copied one by one: convert it to UTF-8 first"
        raise UsageError(msg)
    header = isinstance(source, DelimitedSource) and source.dialect.header
    with contextlib.ExitStack() as stack:
        outs = [stack.enter_context(_created(f, packed=is_gzip(source.path))) for f in files]
        row = -1 if header else 0
        for line in lines_of(source):
            if row < 0:
                for out in outs:
                    out.write(line)
            elif row < len(sides) and sides[row] >= 0:
                outs[sides[row]].write(line)
            row += 1
    last = int(np.flatnonzero(sides >= 0).max(initial=-1))
    if row <= last or (source.rows is not None and row != source.rows):
        msg = f"{source.name} holds {row:,} lines where {len(sides):,} rows were read: it cannot be split line by line"
        raise UsageError(msg)


def lines_of(source: DelimitedSource | JsonSource | ListedSource) -> Iterator[bytes]:
    """Yield each line that is not blank, the header among them, with its line break; quoted breaks end none."""
    quote, delimiter, blank = None, ",", None
    if isinstance(source, DelimitedSource):
        quote, delimiter, blank = quote_of(source.dialect), source.dialect.delimiter, b"\r\n"
    with opened(source.path) as stream:
        for _, data in in_order(stream, quote=quote, delimiter=delimiter, skip=0):
            breaks, _ = ends(data, quote, ord(delimiter))
            edges = [0, *(int(b) + 1 for b in breaks), len(data)]
            for start, stop in pairwise(edges):
                line = data[start:stop]
                if line.strip(blank):
                    yield line if line.endswith(b"\n") else line + b"\n"


def _created(path: Path, *, packed: bool) -> Any:
    if not packed:
        return path.open("wb")
    import gzip

    return gzip.open(path, "wb")


def write_rows(source: RowSource, sides: Sides, files: list[Path]) -> None:
    """Write the rows of each side to its Parquet or Arrow file, with the schema that they have."""
    import pyarrow as pa

    writers: list[Any] = [None] * len(files)
    at = 0
    with contextlib.ExitStack() as stack:
        for piece in source.pieces:
            for batch in tables(piece, BATCH):
                own = sides[at : at + batch.num_rows]
                at += batch.num_rows
                for i, file in enumerate(files):
                    writers[i] = writers[i] or _writer(file, batch.schema, stack)
                    part = batch.filter(pa.array(own == i))
                    if part.num_rows:
                        writers[i].write_table(pa.Table.from_batches([part]))


def _writer(file: Path, schema: Any, stack: contextlib.ExitStack) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix == ".parquet":
        return stack.enter_context(pq.ParquetWriter(file, schema))
    sink: IO[bytes] = stack.enter_context(file.open("wb"))
    return stack.enter_context(pa.ipc.new_stream(sink, schema))
