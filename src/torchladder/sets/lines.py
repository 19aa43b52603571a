"""Where the lines of a large text file begin: one pass over its bytes, quoted line breaks left out."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

CHUNK = 4 << 20
STRIDE_BYTES = 1 << 20  # bytes between two places that are remembered, about
NEWLINE, RETURN = 10, 13


@dataclass(frozen=True, slots=True)
class Lines:
    """Places of every ``stride``-th line that is not blank.

    Attributes:
        rows: Lines that are not blank.
        offsets: Byte at which line 0, ``stride``, 2 ``stride`` … begins, and the end of the file.
        open_quote: Whether the file ends inside quotes: they are no quotes then.
    """

    rows: int
    stride: int
    offsets: tuple[int, ...]
    open_quote: bool = False


def ends(data: bytes, quote: int | None, delimiter: int = ord(",")) -> tuple[NDArray[np.int64], bool]:
    """Return the places of line breaks outside quotes, and whether the data ends inside them."""
    codes = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero(codes == NEWLINE)
    if quote is None:
        return breaks, False
    quotes = np.flatnonzero(codes == quote)
    if not len(quotes):
        return breaks, False
    # A run of quotes opens or closes a field if it is odd and stands at the field's edge.
    first = np.flatnonzero(np.diff(quotes, prepend=-2) > 1)
    starts, lengths = quotes[first], np.diff(np.append(first, len(quotes)))
    after = np.minimum(starts + lengths, len(codes) - 1)
    edge = np.array([delimiter, NEWLINE, RETURN], dtype=np.uint8)
    left = (starts == 0) | np.isin(codes[np.maximum(starts - 1, 0)], edge)
    right = (starts + lengths >= len(codes)) | np.isin(codes[after], edge)
    toggles = starts[(lengths % 2 == 1) & (left | right)]
    inside = np.searchsorted(toggles, breaks) % 2 == 1
    return breaks[~inside], len(toggles) % 2 == 1


def index_of(path: Path, *, quote: int | None, delimiter: str, skip: int) -> tuple[Lines, str]:
    """Return where the lines of a file begin after the first ``skip``, and its encoding, known for certain now."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding, marks, rows, at = "utf-8", [], 0, 0
    rest, open_quote = b"", False
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            if encoding == "utf-8":
                try:
                    decoder.decode(data)
                except UnicodeDecodeError:
                    encoding = "cp1252"
            rest += data
            found, _ = ends(rest, quote, ord(delimiter))
            if not len(found):
                continue
            begins = _begins(rest, found)
            marks.append(begins + at)
            rows += len(begins)
            cut = int(found[-1]) + 1
            rest, at = rest[cut:], at + cut
    if rest.strip():
        _, open_quote = ends(rest, quote, ord(delimiter))
        marks.append(np.array([at]))
        rows += 1
    at += len(rest)
    places = np.concatenate(marks) if marks else np.zeros(0, dtype=np.int64)
    places, rows = places[skip:], max(0, rows - skip)
    stride = max(1, min(4096, STRIDE_BYTES * max(rows, 1) // max(at, 1)))
    return Lines(rows, stride, (*(int(p) for p in places[::stride]), at), open_quote), encoding


def _begins(data: bytes, found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the lines begin that end at ``found``, leaving out blank ones."""
    begins = np.concatenate([[0], found[:-1] + 1])
    lengths = found - begins
    codes = np.frombuffer(data, dtype=np.uint8)
    blank = (lengths == 0) | ((lengths == 1) & (codes[begins] == RETURN))
    return np.asarray(begins[~blank])


def pieces(stream: IO[bytes], lines: Lines, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, whole lines) that hold lines ``start`` to ``stop``, a megabyte at a time."""
    for n in range(start // lines.stride, len(lines.offsets) - 1):
        if n * lines.stride >= stop:
            return
        stream.seek(lines.offsets[n])
        yield n * lines.stride, stream.read(lines.offsets[n + 1] - lines.offsets[n])


def in_order(stream: IO[bytes], *, quote: int | None, delimiter: str, skip: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines after the first ``skip`` of a stream that can only be read from its beginning."""
    rest, number = b"", -skip
    while data := stream.read(CHUNK):
        rest += data
        found, _ = ends(rest, quote, ord(delimiter))
        if not len(found):
            continue
        begins, cut = _begins(rest, found), int(found[-1]) + 1
        hidden = -number if number < 0 else 0
        if len(begins) > hidden:
            yield max(number, 0), rest[int(begins[hidden]) : cut]
        number += len(begins)
        rest = rest[cut:]
    if rest.strip() and number >= 0:
        yield number, rest


def without_first(data: bytes, quote: int | None, delimiter: str) -> bytes:
    """Return lines without the first that is not blank."""
    found, _ = ends(data, quote, ord(delimiter))
    begins = _begins(data, found)
    if len(begins) > 1:
        return data[int(begins[1]) :]
    return data[int(found[-1]) + 1 :] if len(begins) else b""
