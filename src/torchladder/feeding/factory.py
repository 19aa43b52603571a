"""A function of the user's that makes loaders, run as a program of its own."""

import importlib.util
import os
import sys
from pathlib import Path

from torchladder.core.errors import UsageError

PROGRAM = """import sys
from torchladder.feeding.factory import make
make(*sys.argv[1:])
"""
STATUS_OF_NAME = 64  # there is no such function
NAME = "make_loader_of_file.py"


def parse(spec: str, folder: str) -> tuple[str, str] | None:
    """Return file and function of ``path.py:function``, None when it is no such thing.

    Raises:
        UsageError: If there is no such file.
    """
    file, colon, name = spec.rpartition(":")
    if not colon or not file.endswith(".py") or not name.isidentifier():
        return None
    if not Path(folder, file).is_file():
        msg = f"there is no Python file {file}"
        raise UsageError(msg)
    return file, name


def write(folder: str) -> Path:
    """Write the program that calls the function, in a folder where nothing else lies."""
    path = Path(folder, NAME)
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def make(file: str, name: str) -> None:
    """Import the file, call the function, and have what it gives timed."""
    from torchladder.feeding import entry

    path = Path(file).resolve()
    sys.path[0] = str(path.parent)
    if os.getcwd() not in sys.path:  # noqa: PTH109 - as Python itself does
        sys.path.insert(1, os.getcwd())  # noqa: PTH109
    described = importlib.util.spec_from_file_location(path.stem, path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules[described.name] = module  # its classes reach worker processes by that name
    described.loader.exec_module(module)
    found = getattr(module, name, None)
    if found is None:
        sys.exit(STATUS_OF_NAME)
    entry.take(found() if callable(found) else found)
