"""What a program writes goes to a scratch folder, and it finds it again where it put it.

Everything that opens files from Python ends in ``open`` or in functions of ``os``; those are
replaced while the sandbox is open. Commands started through a shell are outside its reach: the
comparison of the working folder before and after names what they leave.
"""

import _io
import builtins
import contextlib
import io
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, ModuleType, TracebackType
from typing import Any, Self

from torchladder.runner import calls
from torchladder.runner.foreign import Foreign
from torchladder.runner.overlay import Overlay

_READERS = ("stat", "lstat", "access", "chdir", "statvfs", "getxattr", "listxattr", "pathconf")
_CHANGERS = ("utime", "chmod", "chown", "lchown", "truncate", "setxattr", "removexattr")
_MAKERS = ("mkdir", "mkfifo", "mknod")
_SPECIAL: dict[str, Callable[..., Any]] = {
    "open": calls.os_open,
    "unlink": calls.unlink,
    "remove": calls.unlink,
    "rmdir": calls.rmdir,
    "rename": calls.rename,
    "replace": calls.rename,
    "link": calls.link,
    "symlink": calls.symlink,
    "readlink": calls.readlink,
    "listdir": calls.listdir,
    "scandir": calls.scandir,
    "getcwd": calls.getcwd,
}
# Names under which modules loaded before us keep the built-in open: tarfile and bz2 do.
_OTHER_NAMES = ("bltn_open", "_builtin_open")
_CAPABILITIES = (
    os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids,
)  # fmt: skip


class Sandbox:
    """Redirects writes while open.

    Args:
        scratch: Where they go; files of the program lie under ``scratch/overlay``.
        keep_roots: Folders whose files may really be written.
        cwd: The program's working folder, whose tree is always protected; the current one if None.
    """

    def __init__(self, scratch: str, keep_roots: Sequence[str] = (), *, cwd: str | None = None) -> None:
        self._scratch = scratch
        self._cwd = cwd
        self._keep_roots = tuple(keep_roots)
        self._undo: list[tuple[Any, str, Any]] = []
        self._overlay: Overlay | None = None
        self._foreign: Foreign | None = None

    def __enter__(self) -> Self:
        """Begin to redirect."""
        cwd = self._cwd or os.getcwd()
        overlay = self._overlay = Overlay(self._scratch, cwd, self._keep_roots)
        replacements = dict(_replacements(overlay))
        for real, patched in replacements.values():
            for names in _CAPABILITIES:
                if real in names:
                    names.add(patched)
        self._patch_os(replacements)
        self._patch_open(overlay)
        self._foreign = Foreign(self._redirect)
        self._patch_captured(self._undo + self._foreign.made)
        # Folder descriptors would lead past us; without them rmtree goes by path.
        self._set(shutil, "_use_fd_functions", value=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Put every function back."""
        if self._foreign is not None:
            self._foreign.close()
        while self._undo:
            setattr(*self._undo.pop())
        self._overlay = None

    def _patch_os(self, replacements: dict[str, tuple[Any, Any]]) -> None:
        for name, (_, patched) in replacements.items():
            self._set(os, name, patched)

    def _patch_open(self, overlay: Overlay) -> None:
        patched = _Open(overlay)
        for module in (builtins, io, _io):
            self._set(module, "open", patched)

    def _patch_captured(self, made: list[tuple[Any, str, Any]]) -> None:
        """Replace the originals in modules that copied them by ``from os import ...``."""
        new = {id(original): getattr(owner, name) for owner, name, original in made}
        names = {name for _, name, _ in made} | set(_OTHER_NAMES)
        for module in list(sys.modules.values()):
            # A program may put anything there, also what is no module.
            if type(module) is ModuleType and module.__name__ not in {"posix", "_io"}:
                for name in names & vars(module).keys():
                    value = vars(module)[name]
                    if id(value) in new:
                        self._set(module, name, new[id(value)])
        for function in vars(tempfile._TemporaryFileCloser).values():  # type: ignore[attr-defined]  # noqa: SLF001
            if isinstance(function, FunctionType) and function.__defaults__:
                defaults = tuple(new.get(id(d), d) for d in function.__defaults__)
                self._set(function, "__defaults__", defaults)

    def _set(self, owner: Any, name: str, value: Any) -> None:
        self._undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def _redirect(self, path: Any, writes: bool, keeps: bool) -> Any:  # noqa: FBT001
        if self._overlay is None or not _enter_guard():
            return path
        try:
            if writes:
                # A missing folder stays missing: the library must fail as it would without us.
                with contextlib.suppress(FileNotFoundError):
                    return self._overlay.write(path, keep=keeps)
                return path
            return self._overlay.read(path)
        finally:
            _leave_guard()


_guard = threading.local()


def _enter_guard() -> bool:
    """Switch the patches off for this thread; False if they already are."""
    if getattr(_guard, "inside", False):
        return False
    _guard.inside = True
    return True


def _leave_guard() -> None:
    _guard.inside = False


class _Patched:
    """A replacement that is no function, so that it is not bound as a method of a class."""

    def __init__(self, real: Callable[..., Any], call: Callable[..., Any], overlay: Overlay) -> None:
        self.__wrapped__ = self._real = real
        self._call = call
        self._overlay = overlay
        self.__name__ = self.__qualname__ = real.__name__
        self.__doc__ = real.__doc__
        self.__module__ = real.__module__

    def __call__(self, *args: Any, **options: Any) -> Any:
        if getattr(_guard, "inside", False):
            return self._real(*args, **options)
        _guard.inside = True
        try:
            return self._call(self._overlay, *args, **options)
        finally:
            _guard.inside = False

    def __reduce__(self) -> str:
        return self.__qualname__


class _Open(_Patched):
    """Replaces ``open``; an opener of the program's own is left to work, it ends in ``os.open``."""

    # Position of ``opener`` among the arguments of open.
    _OPENER = 7

    def __init__(self, overlay: Overlay) -> None:
        super().__init__(builtins.open, calls.open_file, overlay)

    def __call__(self, *args: Any, **options: Any) -> Any:
        given = args[self._OPENER] if len(args) > self._OPENER else options.get("opener")
        if given is not None:
            return self._real(*args, **options)
        options.pop("opener", None)
        return super().__call__(*args[: self._OPENER], **options)


def _replacements(overlay: Overlay) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield (name, (real, patched)) for the functions of ``os`` this platform has."""
    table = dict(_SPECIAL)
    for names, wrap in ((_READERS, calls.reader), (_CHANGERS, calls.changer), (_MAKERS, calls.maker)):
        table |= {name: wrap(getattr(os, name)) for name in names if hasattr(os, name)}
    for name, call in table.items():
        real = getattr(os, name)
        yield name, (real, _Patched(real, call, overlay))
