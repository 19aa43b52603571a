"""A file that is replaced in one piece: written beside itself, forced to the disk, renamed."""

import contextlib
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

DRAFTS = ".*.draft"


class Replacement:
    """A file to write to whose text takes the place of ``path`` when the block ends well.

    A failing write is not raised where it happens, since that may be within C++ which would end the process, but when
    the block ends.

    Attributes:
        sha256: Of what was written, in hexadecimal; known when the block has ended.

    Raises:
        OSError: If the file could not be written whole; ``path`` is as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256 = ""
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
        self._hash = hashlib.sha256()
        self._error: OSError | None = None

    def __enter__(self) -> Self:
        """Open the draft."""
        self._file = self._draft.open("wb")
        return self

    def write(self, data: bytes) -> int:
        """Append ``data``; what is written after a failure is dropped."""
        if self._error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error
            else:
                self._hash.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: all of it is forced to the disk at the end."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the draft in place; remove it where anything failed."""
        try:
            if error is None and self._error is None:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as failed:
            self._error = failed
        with contextlib.suppress(OSError):  # closing writes what a full disk did not take
            self._file.close()
        if error is None and self._error is None:
            self._draft.replace(self.path)
            force_folder(self.path.parent)
            self.sha256 = self._hash.hexdigest()
            return
        with contextlib.suppress(OSError):
            self._draft.unlink()
        if self._error is not None:
            raise self._error from None


def force_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
