"""Files that reports are written to: never over something else unasked, and always in one piece."""

import os
from collections.abc import Callable
from pathlib import Path

from torchladder.core.errors import UsageError


def check_writable(path: Path, *, what: str, is_ours: Callable[[Path], bool], force: bool = False) -> None:
    """Make sure that a file may be written: a new or an empty one, or an earlier one of ours.

    Args:
        path: The file.
        what: It is to be, as in "a torchladder report".
        is_ours: Tells whether a file that is there is one; OSError and ValueError mean that it is not.
        force: Whether anything may be overwritten.

    Raises:
        UsageError: If something else is there, or the folder does not exist.
    """
    if path.is_dir():
        msg = f"{path} is a folder; name a file for {what}"
        raise UsageError(msg)
    if not path.parent.is_dir():
        msg = f"the folder {path.parent} does not exist"
        raise UsageError(msg)
    if force or not path.exists():
        return
    try:
        fits = path.stat().st_size == 0 or is_ours(path)
    except (OSError, ValueError):
        fits = False
    if not fits:
        msg = f"{path} exists and is not {what}; --force overwrites it"
        raise UsageError(msg)


def head_holds(words: str, size: int) -> Callable[[Path], bool]:
    """Return what tells whether the first ``size`` bytes of a file hold some words."""

    def holds(path: Path) -> bool:
        with path.open("rb") as file:
            return words.encode() in file.read(size)

    return holds


def write_text(path: Path, text: str) -> None:
    """Write a file in one piece.

    Raises:
        UsageError: If it cannot be written; what was there is as it was.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        msg = f"{path} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from None
