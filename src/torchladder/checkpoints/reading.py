"""Reads files of tensors and plain values; one that holds anything else is refused: loading it could run code."""

import hashlib
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from torchladder.core.errors import UsageError

BLOCK = 1 << 20
_OBJECT = re.compile(r"(?:GLOBAL|class|function|instruction) [`']?([\w.]+)")


class Unreadable(UsageError):  # noqa: N818 - reads as what happened
    """A file that cannot be loaded, said in one sentence."""


def read(path: Path, *, sha256: str | None = None) -> Any:
    """Return what a file of ``torch.save`` holds, its tensors on the CPU.

    Args:
        path: The file.
        sha256: What its checksum must be; without it the checksums inside the file are checked.

    Raises:
        Unreadable: If it is missing, is not what was written, or holds more than tensors and plain values.
    """
    try:
        damage = _damage(path, sha256)
        if damage:
            msg = f"{path} is damaged: {damage}"
            raise Unreadable(msg)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of unusual pickles before it refuses them
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _OBJECT.search(str(error))
        what = f" ({found[1]})" if found else ""
        msg = (
            f"{path} is refused: it holds Python objects{what} besides tensors and plain values, and loading them "
            "could run code; save state dicts only"
        )
        raise Unreadable(msg) from None
    except FileNotFoundError:
        msg = f"{path} does not exist"
        raise Unreadable(msg) from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        first = str(error).strip().partition("\n")[0]
        msg = f"{path} cannot be read ({first or type(error).__name__})"
        raise Unreadable(msg) from None


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    made = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            made.update(block)
    return made.hexdigest()


def _damage(path: Path, sha256: str | None) -> str | None:
    """Return what is wrong with the bytes of a file, None if nothing is known to be."""
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    if sha256 is not None:
        return None if checksum(path) == sha256 else f"its {size:,} bytes are not the ones that were written"
    if not zipfile.is_zipfile(path):
        return None  # an old format, or no checkpoint at all: torch.load will say
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        return str(error)
    return None if bad is None else f"{bad} in it does not match its checksum"
