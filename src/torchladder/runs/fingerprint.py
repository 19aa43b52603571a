"""A fingerprint of files of data: equal for equal data, wherever it lies, and quick where it is large."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError

BLOCK = 1 << 16
BLOCKS = 4  # of a long file: its first, its last and as many between as make this many
WHOLE_BYTES = 1 << 18  # a file up to here is read whole in any case


def fingerprint(paths: Sequence[Path], *, whole: bool = False) -> dict[str, Any]:
    """Return what identifies the data in ``paths``, files and folders.

    Args:
        paths: Names are taken relative to each of them, so that a moved folder is the same data.
        whole: Read every byte. Otherwise a file longer than 256 KiB is known by its size and four blocks of it: a
            change of single bytes between them is not seen.

    Returns:
        "files", "bytes", "sha256" and "by" ("every byte" or "sizes and sampled blocks").

    Raises:
        UsageError: If a path does not exist or cannot be read.
    """
    made, files, total = hashlib.sha256(), 0, 0
    try:
        for name, path in _files(paths):
            size = path.stat().st_size
            made.update(f"{name}\0{size}\0".encode("utf-8", "surrogateescape"))
            for block in _blocks(path, size, whole=whole):
                made.update(block)
            files, total = files + 1, total + size
    except OSError as error:
        msg = f"the data {error.filename or paths} cannot be read ({error.strerror or error})"
        raise UsageError(msg) from None
    by = "every byte" if whole else "sizes and sampled blocks"
    return {"files": files, "bytes": total, "sha256": made.hexdigest(), "by": by}


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield every file with the name that counts, in an order that depends on the names alone."""
    for path in paths:
        if not path.is_dir():
            yield path.name, path
            continue
        for folder, folders, names in os.walk(path, onerror=_raise):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                yield file.relative_to(path).as_posix(), file


def _raise(error: OSError) -> None:
    raise error


def _blocks(path: Path, size: int, *, whole: bool) -> Iterator[bytes]:
    with path.open("rb") as file:
        if whole or size <= WHOLE_BYTES:
            while block := file.read(BLOCK):
                yield block
            return
        for i in range(BLOCKS):
            file.seek((size - BLOCK) * i // (BLOCKS - 1))
            yield file.read(BLOCK)
