"""Rows of Parquet and Arrow files: tables that bring their types along, pictures and texts among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.files import needs, ranges, stamp
from torchladder.sets.folder import traits
from torchladder.sets.pictures import Picture, decode
from torchladder.sets.roles import columns_of, inferred
from torchladder.sets.source import Columns
from torchladder.sets.typed import as_label, as_times, is_prose, table_block

BATCH = 8192
PICTURE_BATCH = 256
SAMPLED = 2000


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one file: all of it, or one row group."""

    path: Path
    group: int
    rows: int


@dataclass
class RowSource:
    """Rows of one or several Parquet or Arrow files, in their order."""

    name: str
    pieces: tuple[Piece, ...]
    columns: Columns
    kind: Kind
    told: tuple[str, ...] = ()
    picture: str | None = None
    classes: tuple[str, ...] = ()  # names of the label's classes

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(p.rows for p in self.pieces)

    @property
    def grain(self) -> int:
        """Rows that are read at least to get at one."""
        return max((p.rows for p in self.pieces), default=1)

    def fingerprint(self) -> str:
        """Return what changes with the files."""
        return stamp([p.path for p in self.pieces], self.name, self.columns, self.picture)

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges of rows."""
        return ranges(self.rows, size)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield rows, a few thousand at a time."""
        at = 0
        for piece in self.pieces:
            if at < stop and at + piece.rows > start:
                yield from self._of(piece, at, max(start, at), min(stop, at + piece.rows))
            at += piece.rows

    def _of(self, piece: Piece, at: int, start: int, stop: int) -> Iterator[Block]:
        step = PICTURE_BATCH if self.picture is not None else BATCH
        for table in tables(piece, step):
            low, high = max(start, at), min(stop, at + table.num_rows)
            if low < high:
                yield self._block(low, high, table.slice(low - at, high - low))
            at += table.num_rows
            if at >= stop:
                return

    def _block(self, start: int, stop: int, table: Any) -> Block:
        values = {n: plain(table.column(n)) for n in table.column_names if n != self.picture}
        label = self.columns.label
        if label is not None and self.classes:
            values[label] = named(values[label], self.classes)
        names = tuple(f"row {i + 1}" for i in range(start, stop))
        if self.picture is None:
            return table_block((start, stop), np.arange(start, stop), names, values, self.columns)
        return self._pictures(start, stop, table.column(self.picture).to_pylist(), values, names)

    def _pictures(
        self, start: int, stop: int, cells: list[Any], values: dict[str, Array], names: tuple[str, ...]
    ) -> Block:
        held: list[tuple[int, Picture]] = []
        faults: list[Fault] = []
        for i, cell in enumerate(cells):
            read = decode(content(cell, self.pieces[0].path.parent))
            if isinstance(read, Picture):
                held.append((i, read))
            else:
                faults.append(Fault(names[i], *read))
        kept = np.array([i for i, _ in held], dtype=np.int64)
        c = self.columns
        label, group, time = (values[n][kept] if n is not None else None for n in (c.label, c.group, c.time))
        return Block(
            start=start,
            stop=stop,
            kind=Kind.IMAGES,
            places=start + kept,
            names=tuple(names[i] for i in kept),
            images=tuple(p.pixels for _, p in held),
            labels=as_label(label) if label is not None else None,
            groups=as_label(group) if group is not None else None,
            times=as_times(time) if time is not None else None,
            traits=traits([p for _, p in held]),
            faults=tuple(faults),
        )


def content(cell: Any, folder: Path) -> bytes | Path:
    """Return what a cell of a column of pictures holds: the file's bytes, or its path."""
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        return cell
    return folder / str(cell) if cell else b""


def named(values: Array, classes: Sequence[str]) -> Array:
    """Return numbers of classes as their names; a number without a name stays a number."""
    return np.array(
        [classes[int(v)] if v is not None and v == v and 0 <= int(v) < len(classes) else v for v in values],  # noqa: PLR0124
        dtype=object,
    )


def plain(column: Any) -> Array:
    """Return an arrow column as numbers, times or objects; lists and records are written out."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = column.cast(pa.float64(), safe=False) if column.null_count else column
        return (
            np.asarray(numbers.to_numpy(zero_copy_only=False)) if isinstance(numbers, pa.Array) else numbers.to_numpy()
        )
    if pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return np.asarray(column.cast(pa.timestamp("us")).to_numpy())
    cells = column.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(cells, dtype=object)
    return np.array([None if c is None else repr(c) for c in cells], dtype=object)


def tables(piece: Piece, step: int) -> Iterator[Any]:
    """Yield the rows of one piece as arrow record batches."""
    if piece.group >= 0:
        import pyarrow.parquet as pq

        with pq.ParquetFile(piece.path) as file:
            yield from file.iter_batches(step, row_groups=[piece.group])
        return
    for batch in arrow_batches(piece.path):
        for i in range(0, batch.num_rows, step):
            yield batch.slice(i, step)


def arrow_batches(path: Path) -> Iterator[Any]:
    """Yield the batches of an Arrow file, streamed or not, as they lie on the disk."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as mapped:
        try:
            reader = pa.ipc.open_stream(mapped)
        except pa.ArrowInvalid:
            file = pa.ipc.open_file(mapped)
            yield from (file.get_batch(i) for i in range(file.num_record_batches))
            return
        yield from reader


def open_rows(
    paths: Sequence[Path], name: str, asked: Columns, *, classes: dict[str, tuple[str, ...]] | None = None
) -> RowSource:
    """Return Parquet or Arrow files as one source.

    Raises:
        UsageError: If they cannot be read, or a column that was named is not there.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise needs("pyarrow", "tables") from None
    try:
        found = tuple(p for path in paths for p in _pieces(path))
        if not sum(p.rows for p in found):
            msg = f"{name} has no rows"
            raise UsageError(msg)
        first = next(t for t in tables(next(p for p in found if p.rows), SAMPLED) if t.num_rows)
    except (pa.ArrowException, OSError) as error:
        msg = f"{name} cannot be read: {' '.join(str(error).split())[:200]}"
        raise UsageError(msg) from None
    picture = next((f.name for f in first.schema if is_picture(f.type)), None)
    texts = [f.name for f in first.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    prose = next((n for n in texts if is_prose(first.column(n).to_pylist())), None) if picture is None else None
    columns = columns_of(first.column_names, asked, name, text=prose)
    kind = Kind.IMAGES if picture is not None else Kind.TEXT if columns.text is not None else Kind.TABLE
    told = [inferred(columns), f"pictures are `{picture}`" if picture is not None else None]
    names = (classes or {}).get(columns.label or "", ())
    return RowSource(name, found, columns, kind, tuple(t for t in told if t), picture, names)


def is_picture(kind: Any) -> bool:
    """Tell whether a column holds files of pictures: bytes, or the record that Hugging Face datasets writes."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {f.name for f in kind} == {"bytes", "path"}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _pieces(path: Path) -> list[Piece]:
    if path.suffix in {".parquet", ".pq"}:
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            groups = range(file.metadata.num_row_groups)
            return [Piece(path, g, file.metadata.row_group(g).num_rows) for g in groups]
    return [Piece(path, -1, sum(b.num_rows for b in arrow_batches(path)))]
