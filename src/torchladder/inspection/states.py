"""States of finished shards on disk, so that a check that was stopped goes on where it was.

A file is read only if it is whole and of this very check; only plain data and torchladder's own rows are
made from it, whoever wrote it.
"""

import contextlib
import hashlib
import io
import os
import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torchladder
from torchladder.sets.source import Source

MAGIC = b"torchladder states 1\n"
DIGEST = 32
PLAIN = {
    "builtins": {"set", "frozenset", "bytearray", "complex", "range", "slice", "tuple", "list", "dict", "int", "float"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "numpy": {"ndarray", "dtype"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
}


class _Reader(pickle.Unpickler):
    """Makes nothing but containers, arrays and classes of torchladder."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class that is allowed."""
        if name in PLAIN.get(module, ()):
            return super().find_class(module, name)
        if module.startswith("torchladder.") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__.startswith("torchladder."):
                return found
        msg = f"{module}.{name} has no place among states"
        raise pickle.UnpicklingError(msg)


def key_of(sides: Sequence[Source], checks: Sequence[tuple[str, int]], shard: int, sample: int | None) -> str:
    """Return the name of the folder for one check of these data sets."""
    parts = [torchladder.__version__, *(s.fingerprint() for s in sides), sorted(checks), shard, sample]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


class States:
    """The folder of one check; None as its path keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.kept = 0

    def load(self, side: int, shard: int) -> Any:
        """Return what was kept of a shard, None if nothing or nothing sound was."""
        if self.folder is None:
            return None
        try:
            data = self._file(side, shard).read_bytes()
        except OSError:
            return None
        head, body = data[: len(MAGIC) + DIGEST], data[len(MAGIC) + DIGEST :]
        if head != MAGIC + hashlib.sha256(body).digest():
            return None
        try:
            return _Reader(io.BytesIO(body)).load()
        except Exception:  # whatever is wrong with it: the shard is read again
            return None

    def keep(self, side: int, shard: int, part: Any) -> None:
        """Keep a finished shard, whole or not at all; a full disk is no reason to stop."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError, pickle.PicklingError, TypeError, AttributeError):
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder.parent.parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
            body = pickle.dumps(part, protocol=5)
            file = self._file(side, shard)
            draft = file.with_suffix(f".{os.getpid()}.tmp")
            draft.write_bytes(MAGIC + hashlib.sha256(body).digest() + body)
            draft.replace(file)
            self.kept += 1

    def forget(self) -> None:
        """Remove the folder: the check is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, side: int, shard: int) -> Path:
        assert self.folder is not None
        return self.folder / f"{side}-{shard}.state"
