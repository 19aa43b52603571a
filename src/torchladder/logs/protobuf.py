"""The fields of protocol buffers, read without their library: number, kind, where each begins and ends."""

from collections.abc import Iterator

FIXED64, LENGTH, FIXED32 = 1, 2, 5


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte of it
            return value, at
        shift += 7


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, kind, begin and end of the fields of a message; stops at anything that cannot be one."""
    while at < end:
        try:
            key, at = varint(data, at)
            kind = key & 7
            if kind == 0:
                begin = at
                _, at = varint(data, at)
            elif kind == LENGTH:
                size, begin = varint(data, at)
                at = begin + size
            elif kind in {FIXED64, FIXED32}:
                begin, at = at, at + (8 if kind == FIXED64 else 4)
            else:
                return
        except IndexError:
            return
        if at > end:
            return
        yield key >> 3, kind, begin, at
