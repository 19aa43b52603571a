"""Files of a data set: what changes when they change, and names that can be printed."""

import gzip
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from torchladder.core.errors import UsageError

EXTRA = "reading {what} needs {package}: pip install 'torchladder[data]'"


def stamp(files: Iterable[Path | str], *options: Any) -> str:
    """Return a digest of the names, sizes and times of files, and of options."""
    digest = hashlib.sha256()
    for file in files:
        found = os.stat(file)  # noqa: PTH116 - of names that are no text, too
        digest.update(f"{os.fspath(file)!r} {found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "surrogatepass"))
    digest.update(repr(options).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def printable(path: Path | str) -> str:
    """Return a file's name as text; bytes that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def opened(path: Path) -> IO[bytes]:
    """Return a file's content as a stream of bytes, unpacked where it is packed with gzip."""
    return gzip.open(path, "rb") if is_gzip(path) else path.open("rb")  # type: ignore[return-value]


def is_gzip(path: Path) -> bool:
    """Tell whether a file is packed with gzip, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def bare(path: Path) -> str:
    """Return the last suffix of a file's name, in small letters, leaving out ".gz"."""
    suffixes = [s.lower() for s in path.suffixes]
    return next((s for s in reversed(suffixes) if s != ".gz"), "")


def needs(package: str, what: str) -> UsageError:
    """Return the complaint that a package is missing."""
    return UsageError(EXTRA.format(what=what, package=package))


def ranges(rows: int, size: int) -> list[tuple[int, int]]:
    """Return ranges of ``size`` that cover ``rows``."""
    size = max(1, size)
    return [(i, min(i + size, rows)) for i in range(0, rows, size)]
