"""What is to be run: a script, a module or a notebook, checked before anything starts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from torchladder.core.errors import ProgramError, UsageError
from torchladder.runner import notebook


@dataclass(frozen=True)
class Target:
    """A program to run.

    Attributes:
        kind: "script", "module", "notebook" or "objects".
        name: The path as the user wrote it, the dotted name of the module, or what the objects are.
        argv: The program's own arguments, without its name.
        cwd: Absolute folder in which it runs.
    """

    kind: str
    name: str
    argv: tuple[str, ...]
    cwd: str

    @property
    def path(self) -> Path:
        """Absolute path of the script or notebook."""
        return Path(os.path.normpath(Path(self.cwd) / self.name))


def resolve(name: str, argv: Sequence[str], *, module: bool = False, cwd: str | None = None) -> Target:
    """Return the program called ``name``, or say in one sentence why it cannot be run.

    Args:
        name: Path of a script or notebook; with ``module``, the dotted name of a module.
        argv: The program's own arguments.
        module: Whether ``name`` is a module, as after ``python -m``.
        cwd: Folder to run in; the current one if None.

    Raises:
        UsageError: If there is nothing of that name, or nothing in it.
        ProgramError: If it is there and is not Python.
    """
    folder = str(Path(cwd or Path.cwd()).absolute())
    if module:
        spec = module_spec(name, folder)
        _check_source(Path(str(spec.origin)), str(spec.origin))
        return Target("module", name, tuple(argv), folder)
    path = Path(folder) / name
    _check_file(path, name)
    if path.suffix == ".ipynb":
        for cell in notebook.cells(path):
            _compile(cell.source, cell.name.removeprefix(str(path.parent) + os.sep), notebook.FLAGS)
        return Target("notebook", name, tuple(argv), folder)
    _check_source(path, name)
    return Target("script", name, tuple(argv), folder)


def module_spec(name: str, cwd: str) -> ModuleSpec:
    """Return the spec that ``python -m name`` would run from ``cwd``, importing nothing.

    Raises:
        UsageError: If there is no such module, or it is a package without ``__main__``.
    """
    import sys

    path: Sequence[str] | None = [cwd, *sys.path]
    spec: ModuleSpec | None = None
    parts: list[str] = []
    for part in name.split("."):
        parts.append(part)
        spec = PathFinder.find_spec(".".join(parts), path) if path is not None else None
        if spec is None:
            msg = f"no module named {name}"
            raise UsageError(msg)
        path = spec.submodule_search_locations
    if spec is not None and path is not None:
        spec = PathFinder.find_spec(f"{name}.__main__", path)
    if spec is None or not (spec.origin or "").endswith(".py"):
        msg = f"{name} is a package without a __main__ module, or not written in Python"
        raise UsageError(msg)
    return spec


def _check_file(path: Path, name: str) -> None:
    if path.is_dir():
        msg = f"{name} is a folder; name the script in it"
        raise UsageError(msg)
    if not path.exists():
        msg = f"no such file: {name}"
        raise UsageError(msg)
    if not os.access(path, os.R_OK):
        msg = f"{name} cannot be read: permission denied"
        raise UsageError(msg)


def _check_source(path: Path, name: str) -> None:
    source = path.read_bytes()
    if not source.strip():
        msg = f"{name} is empty"
        raise UsageError(msg)
    _compile(source, name)


def _compile(source: bytes | str, name: str, flags: int = 0) -> None:
    try:
        compile(source, name, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        msg = f"{name}{line} is not valid Python: {error.msg}"
        raise ProgramError(msg) from error
    except ValueError as error:
        msg = f"{name} is not Python source: {error}"
        raise ProgramError(msg) from error
