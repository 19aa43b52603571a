"""What cannot be run is refused in one sentence before anything starts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from torchladder.core.errors import LadderError, ProgramError, UsageError
from torchladder.runner.target import resolve


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        ("nothing.py", None, UsageError, "no such file: nothing.py"),
        ("folder.d/", b"", UsageError, "folder.d/ is a folder; name the script in it"),
        ("empty.py", b" \n", UsageError, "empty.py is empty"),
        ("torn.py", b"x = 1\ny = (", ProgramError, "torn.py, line 2 is not valid Python"),
        ("picture.py", b"\x89PNG\r\n\x1a\n\x00\x00", ProgramError, "picture.py"),
        ("latin.py", b"x = '\xe9'\n", ProgramError, "latin.py"),
        ("empty.ipynb", b'{"cells": []}', UsageError, "empty.ipynb has no code cells"),
        ("wrong.ipynb", b"text", UsageError, "wrong.ipynb is not a Jupyter notebook"),
    ],
)
def test_unusable_targets_are_refused(
    name: str, content: bytes | None, kind: type[LadderError], words: str, folder: Path
) -> None:
    """The sentence names the file and, for a syntax error, its line."""
    if name.endswith("/"):
        (folder / name).mkdir()
    elif content is not None:
        (folder / name).write_bytes(content)

    with pytest.raises(kind) as caught:
        resolve(name, [])

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "package", "package.nothing", "sys"])
def test_unusable_modules_are_refused(name: str, write: Callable[..., Path]) -> None:
    """Missing modules and packages without __main__ are; looking imports nothing."""
    write("package/__init__.py", "raise SystemExit('imported')")

    with pytest.raises(UsageError):
        resolve(name, [], module=True)


def test_a_target_keeps_what_was_asked(write: Callable[..., Path], folder: Path) -> None:
    """Name and arguments are as given, the folder is absolute."""
    write("train.py", "pass")

    target = resolve("train.py", ["--lr", "1"])

    assert (target.kind, target.name, target.argv) == ("script", "train.py", ("--lr", "1"))
    assert str(folder) == target.cwd == os.path.realpath(target.cwd)
