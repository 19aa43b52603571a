"""Arrays where they lie: in memory, in .npy, .npz and idx files. Read a part at a time, never as a whole."""

import gzip
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array
from torchladder.sets.files import is_gzip, opened

IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
SKIP = 1 << 22  # bytes read at once on the way to the first row that is wanted


class Stored(Protocol):
    """An array that can be read from any row on.

    Attributes:
        direct: Whether a part is reached without reading what is before it.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - see above

    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102

    @property
    def direct(self) -> bool: ...  # noqa: D102

    def parts(self, start: int, stop: int, step: int) -> Iterator[Array]:
        """Yield rows ``start`` to ``stop``, ``step`` at a time."""


@dataclass
class InMemory:
    """An array that is there already."""

    array: Array
    direct: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's own."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The array's own."""
        return self.array.dtype

    def parts(self, start: int, stop: int, step: int) -> Iterator[Array]:
        """Yield rows, a few at a time."""
        for i in range(start, stop, step):
            yield self.array[i : min(i + step, stop)]


class Packed:
    """Rows of one size, one after the other, in a stream of bytes: what all three file formats come to."""

    def __init__(
        self, path: Path, member: str | None, offset: int, shape: tuple[int, ...], dtype: Any, *, direct: bool
    ) -> None:
        self.path, self.member, self.offset = path, member, offset
        self.shape, self.dtype, self.direct = shape, np.dtype(dtype), direct

    def parts(self, start: int, stop: int, step: int) -> Iterator[Array]:
        """Yield rows, a few at a time; fewer where the file ends early."""
        width = math.prod(self.shape[1:]) * self.dtype.itemsize
        with self._stream() as stream:
            _forward(stream, self.offset + start * width, direct=self.direct)
            for i in range(start, stop, step):
                n = min(step, stop - i)
                data = stream.read(n * width)
                whole = len(data) // width if width else n
                rows = np.frombuffer(data[: whole * width], dtype=self.dtype).reshape(whole, *self.shape[1:])
                yield rows.astype(self.dtype.newbyteorder("="), copy=False)
                if whole < n:
                    return

    def _stream(self) -> IO[bytes]:
        if self.member is None:
            return opened(self.path)
        return zipfile.ZipFile(self.path).open(self.member)


def _forward(stream: IO[bytes], offset: int, *, direct: bool) -> None:
    """Move a stream to a place, reading what cannot be jumped over."""
    if direct:
        stream.seek(offset)
        return
    while offset:
        skipped = len(stream.read(min(offset, SKIP)))
        if not skipped:
            return
        offset -= skipped


def npy(path: Path) -> Stored:
    """Return the array of a .npy file.

    Raises:
        UsageError: If it is none, or holds Python objects.
    """
    with path.open("rb") as file:
        shape, fortran, dtype = _header(file, str(path))
        offset = file.tell()
    if fortran and len(shape) > 1:
        return InMemory(np.load(path))
    return Packed(path, None, offset, shape, dtype, direct=True)


def npz(path: Path) -> dict[str, Stored]:
    """Return the arrays of a .npz file by name; those that are no plain arrays are left out.

    Raises:
        UsageError: If it cannot be opened.
    """
    found: dict[str, Stored] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as file:
                    try:
                        shape, fortran, dtype = _header(file, name)
                    except UsageError:
                        continue
                    offset = file.tell()
                if fortran and len(shape) > 1:
                    found[name] = InMemory(np.load(path)[name])
                elif shape:
                    direct = info.compress_type == zipfile.ZIP_STORED
                    found[name] = Packed(path, info.filename, offset, shape, dtype, direct=direct)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        msg = f"{path} cannot be read as .npz: {error}"
        raise UsageError(msg) from None
    return found


def _header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, EOFError) as error:
        msg = f"{name} is not an array: {error}"
        raise UsageError(msg) from None
    if dtype.hasobject:
        msg = f"{name} holds Python objects, which may run code when they are read; save plain arrays"
        raise UsageError(msg)
    return shape, fortran, dtype


def is_idx(path: Path) -> bool:
    """Tell whether a file is in the idx format of MNIST, packed or not."""
    try:
        with opened(path) as file:
            head = file.read(4)
    except (OSError, gzip.BadGzipFile, EOFError):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 4  # noqa: PLR2004


def idx(path: Path) -> Stored:
    """Return the array of an idx file."""
    with opened(path) as file:
        head = file.read(4)
        shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(head[3]))
    return Packed(path, None, 4 + 4 * len(shape), shape, IDX_TYPES[head[2]], direct=not is_gzip(path))
