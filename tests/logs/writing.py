"""Logs written as the libraries write them, for the tests of their readers."""

import struct
from collections.abc import Iterable
from pathlib import Path

TRAIN = [2.3, 1.5, 1.0, 0.7, 0.5, 0.4]
HELD = [2.2, 1.6, 1.2, 1.0, 0.9, 0.85]


def lines(path: Path, rows: Iterable[str]) -> Path:
    """Write lines and return the path."""
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def varint(n: int) -> bytes:
    """Return a number as protocol buffers write it."""
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def record(payload: bytes) -> bytes:
    """Return a record with its length; the check sums are not looked at."""
    return struct.pack("<Q", len(payload)) + b"crc1" + payload + b"crc2"


def event(step: int, tag: str, value: float) -> bytes:
    """Return an event with one scalar."""
    inner = b"\x0a" + varint(len(tag)) + tag.encode() + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + varint(len(inner)) + inner
    body = b"\x09" + struct.pack("<d", 1.7e9 + step)
    if step:
        body += b"\x10" + varint(step)
    return record(body + b"\x2a" + varint(len(summary)) + summary)


VERSION = record(b"\x09" + struct.pack("<d", 1.7e9) + b"\x1a\x0dbrain.Event:2")
