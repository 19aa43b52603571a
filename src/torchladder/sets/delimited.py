"""Tables as text: CSV and its relatives. Lines are found first, so that any part can be read on its own."""

import dataclasses
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.dialect import Dialect, sniff
from torchladder.sets.files import is_gzip, needs, opened, printable, ranges, stamp
from torchladder.sets.lines import Lines, in_order, index_of, pieces, without_first
from torchladder.sets.roles import columns_of, inferred
from torchladder.sets.source import Columns
from torchladder.sets.typed import MISSING, Column, is_prose, kind_of, table_block, typed, with_commas

SAMPLED = 4 << 20  # bytes that tell the dialect and the types of the columns


@dataclass
class DelimitedSource:
    """A CSV file, packed or not."""

    path: Path
    name: str
    dialect: Dialect
    columns: Columns
    schema: tuple[Column, ...]
    lines: Lines | None
    told: tuple[str, ...] = ()
    kind: Kind = Kind.TABLE

    @property
    def rows(self) -> int | None:
        """Rows below the header; those with a wrong number of fields are among them."""
        return self.lines.rows if self.lines is not None else None

    @property
    def grain(self) -> int:
        """Rows that are read at least to get at one."""
        return self.lines.stride if self.lines is not None else 1

    def fingerprint(self) -> str:
        """Return what changes with the file and how it is read."""
        return stamp([self.path], self.dialect, self.columns, self.schema)

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges that begin where the index knows a line's place; one for a file that is packed."""
        if self.lines is None:
            return [(0, 1 << 62)]
        stride = self.lines.stride
        size = max(1, size // stride) * stride
        return ranges(self.lines.rows, size)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows a megabyte or so at a time."""
        with opened(self.path) as stream:
            for at, data in self._pieces(stream, start, stop):
                if at >= stop:
                    return
                block = self._block(at, start, stop, data)
                if block is not None:
                    yield block

    def _pieces(self, stream: IO[bytes], start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        if self.lines is not None:
            return pieces(stream, self.lines, start, stop)
        d = self.dialect
        return in_order(stream, quote=quote_of(d), delimiter=d.delimiter, skip=int(d.header))

    def _block(self, at: int, start: int, stop: int, data: bytes) -> Block | None:
        table, bad, total = parsed(data, self.dialect, at)
        low, high = max(start - at, 0), min(total, stop - at)
        if low >= high:
            return None
        good = np.array([i for i in range(total) if i not in bad], dtype=np.int64)
        wanted = (good >= low) & (good < high)
        names = tuple(f"row {at + i + 1}" for i in good[wanted])
        faults = [Fault(f"row {at + i + 1}", "ragged", words) for i, words in bad.items() if low <= i < high]
        values: dict[str, Array] = {}
        for column in self.schema:
            words = table[column.name].filter(wanted) if not wanted.all() else table[column.name]
            values[column.name], odd = converted(words, column, names)
            faults += odd
        return table_block((at + low, at + high), at + good[wanted], names, values, self.columns, faults)


def quote_of(dialect: Dialect) -> int | None:
    """Return the code of the quote, None where there is none."""
    return ord('"') if dialect.quoted else None


def converted(words: Any, column: Column, names: Sequence[str]) -> tuple[Array, list[Fault]]:
    """Return an arrow column of text as values, at once where every word is of its type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type in {"int", "float"}:
        try:
            bare = pc.utf8_trim_whitespace(words)
            if column.comma:
                bare = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
            numbers = pc.cast(bare, pa.float64())
            return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=float), []
        except pa.ArrowInvalid:
            pass
    objects = words.to_numpy(zero_copy_only=False)
    if column.type == "str":
        return objects, []
    return typed(objects, column, names)


def parsed(data: bytes, dialect: Dialect, at: int) -> tuple[dict[str, Any], dict[int, str], int]:
    """Return the columns of whole lines as arrow arrays of text, the bad rows, and how many rows there are.

    Args:
        data: Whole lines, without the header.
        dialect: How they are written.
        at: The number of the first row, for complaints.
    """
    import pyarrow as pa
    from pyarrow import csv

    bad: dict[int, str] = {}

    def note(row: Any) -> str:
        bad[row.number - 1] = f"{row.actual_columns} fields where {row.expected_columns} are due"
        return "skip"

    text = data.decode(dialect.encoding, "replace").encode() if dialect.encoding != "utf-16" else data
    text = text.replace(b"\0", b"")
    if not text.strip():
        return {n: pa.array([], pa.string()) for n in dialect.names}, {}, 0
    try:
        table = csv.read_csv(
            io.BytesIO(text),
            read_options=csv.ReadOptions(use_threads=False, column_names=dialect.names, block_size=len(text) + 1),
            parse_options=csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char='"' if dialect.quoted else False,
                newlines_in_values=dialect.quoted,
                invalid_row_handler=note,
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(dialect.names, pa.string()),
                null_values=list(MISSING),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        msg = f"rows from {at + 1} on cannot be parsed: {error}"
        raise UsageError(msg) from None
    columns = {n: table.column(i).combine_chunks() for i, n in enumerate(dialect.names)}
    return columns, bad, table.num_rows + len(bad)


def open_delimited(path: Path, asked: Columns) -> DelimitedSource:
    """Return a table of text as a source.

    Raises:
        UsageError: If it is empty, no table of text, or a column that was named is not there.
    """
    try:
        import pyarrow  # noqa: F401 - the complaint comes before anything is read
    except ImportError:
        raise needs("pyarrow", "tables") from None
    name = printable(path)
    head, whole = _head(path)
    dialect = sniff(head, name, whole=whole)
    if len(set(dialect.names)) < len(dialect.names):
        dialect = _renamed(dialect)
    lines = None
    if not is_gzip(path) and dialect.encoding != "utf-16":
        dialect, lines = _indexed(path, dialect)
    body = without_first(head, quote_of(dialect), dialect.delimiter) if dialect.header else head
    if not whole:
        body = body[: body.rfind(b"\n") + 1]
    table, _, rows = parsed(body, dialect, 0)
    if not rows:
        msg = f"{name} has a header and no rows"
        raise UsageError(msg)
    words = {n: table[n].to_pylist() for n in dialect.names}
    commas = with_commas(words)
    schema = tuple(Column(n, "float", comma=True) if n in commas else Column(n, kind_of(w)) for n, w in words.items())
    prose = next((c.name for c in schema if c.type == "str" and is_prose(words[c.name])), None)
    columns = columns_of(dialect.names, asked, name, text=prose)
    told = (f"{dialect.words()}{', decimal commas' if commas else ''}", inferred(columns))
    kind = Kind.TEXT if columns.text is not None else Kind.TABLE
    return DelimitedSource(path, name, dialect, columns, schema, lines, tuple(t for t in told if t), kind)


def _head(path: Path) -> tuple[bytes, bool]:
    with opened(path) as stream:
        head = stream.read(SAMPLED)
        return head, not stream.read(1)


def _indexed(path: Path, dialect: Dialect) -> tuple[Dialect, Lines]:
    """Return where the lines are, and the dialect corrected by what the whole file shows."""
    skip = int(dialect.header)
    lines, encoding = index_of(path, quote=quote_of(dialect), delimiter=dialect.delimiter, skip=skip)
    if lines.open_quote:
        dialect = dataclasses.replace(dialect, quoted=False)
        lines, encoding = index_of(path, quote=None, delimiter=dialect.delimiter, skip=skip)
    if encoding == "cp1252":
        dialect = dataclasses.replace(dialect, encoding=encoding)
    return dialect, lines


def _renamed(dialect: Dialect) -> Dialect:
    """Return the dialect with columns of one name told apart by their number."""
    seen: list[str] = []
    for i, n in enumerate(dialect.names):
        seen.append(n if n not in seen else f"{n} ({i + 1})")
    return dataclasses.replace(dialect, names=tuple(seen))
