"""Tables that name pictures: a column of their files, the labels beside it."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.sets.block import Array, Block, Kind
from torchladder.sets.files import printable
from torchladder.sets.folder import walk
from torchladder.sets.listed import ENOUGH, NAMED, ListedSource, check_root, root_for
from torchladder.sets.source import Columns, Source

SHARD = 65_536  # rows
MOSTLY = 0.95  # of a column's values that name pictures
BESIDE = {"labels": "label", "groups": "group", "times": "time", "predictions": "predictions"}


def with_pictures(source: Any, path: Path, asked: Columns) -> Source:
    """Return the pictures that a table names, the table itself where it names none that can be found.

    A table of texts stays one where the user named their column. Names without a suffix are looked up where the user
    said below which folder, since anything may be a number.
    """
    first = next(_blocks(source), None) if source.kind is not Kind.IMAGES and asked.text is None else None
    if first is None or not len(first):
        return source  # type: ignore[no-any-return]
    column = next((n for n, v in first.columns.items() if _named(v, NAMED.fullmatch)), None)
    if column is None and asked.root is None:
        return source  # type: ignore[no-any-return]
    check_root(asked)
    if column is not None:
        root, share = root_for(path, [str(v) for v in first.columns[column] if v is not None], asked)
        if share >= ENOUGH:
            return _listed(source, path, column, root, {})
        where = f"below {printable(root)}" if asked.root is not None else "beside it"
        words = (
            f"`{column}` names pictures that do not lie {where}: rows are judged without them; --root names a folder"
        )
        return dataclasses.replace(source, told=(*source.told, words))  # type: ignore[no-any-return]
    root = str(asked.root)
    stems = _stems(root)
    column = next((n for n, v in first.columns.items() if _named(v, lambda w: w in stems)), None)
    if column is not None:
        return _listed(source, path, column, root, stems)
    words = f"no column names pictures below {printable(root)}: rows are judged without them"
    return dataclasses.replace(source, told=(*source.told, words))  # type: ignore[no-any-return]


def _blocks(source: Source) -> Iterator[Block]:
    for start, stop in source.shards(SHARD):
        yield from source.blocks(start, stop)


def _named(values: Array, fits: Any) -> bool:
    """Tell whether nearly all values are names, hardly two alike."""
    words = [_word(v) for v in values if v is not None and v == v]  # noqa: PLR0124 - NaN is not itself
    return len(set(words)) > 0.5 * len(words) and sum(bool(fits(w)) for w in words) >= MOSTLY * len(values)


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _stems(root: str) -> dict[str, str]:
    """Return the pictures below a folder by their names without suffix; names that several have are left out."""
    found: dict[str, str | None] = {}
    for file in walk(root).files:
        stem = os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122 - the name may be no text
        found[stem] = None if stem in found else file
    return {stem: file for stem, file in found.items() if file is not None}


def _listed(source: Any, path: Path, column: str, root: str, stems: dict[str, str]) -> ListedSource:
    blocks = list(_blocks(source))
    rows = source.rows if source.rows is not None else max((b.stop for b in blocks), default=0)
    files, lost = [""] * rows, dict.fromkeys(range(rows), "the row cannot be read")
    for block in blocks:
        for place, value in zip(block.places.tolist(), block.columns[column], strict=True):
            word = "" if value is None or value != value else _word(value)  # noqa: PLR0124 - NaN is not itself
            files[place] = stems.get(word, word)
            if word:
                lost.pop(place)
            else:
                lost[place] = "the row names no picture"
    beside = {field: _all(blocks, field, rows) for field, role in BESIDE.items() if getattr(source.columns, role)}
    told = (*source.told, f"pictures are those that `{column}` names, below {printable(root)}")
    columns = dataclasses.replace(source.columns, text=None)
    kept: dict[str, Any] = {"path": path, "table": source, "beside": beside, "lost": lost}
    return ListedSource(root, source.name, tuple(files), (None,) * rows, columns, told, **kept)


def _all(blocks: Sequence[Block], field: str, rows: int) -> Array:
    """Return one value of each row; of rows that cannot be read there is none."""
    parts = [getattr(b, field) for b in blocks]
    numbers = all(p.dtype.kind in "fiub" for p in parts)
    filled = np.full(rows, np.nan) if numbers else np.full(rows, None, dtype=object)
    for block, part in zip(blocks, parts, strict=True):
        filled[block.places] = part
    whole = numbers and bool(np.isfinite(filled).all() and (filled == np.round(filled)).all())
    return filled.astype(np.int64) if whole else filled
