"""The functions of ``os`` as a program under the sandbox finds them.

Each takes the overlay first and then what the real function takes. Descriptors and paths relative
to a descriptor (``dir_fd``) go to the real functions unseen.
"""

# This is the layer beneath pathlib, called for every file the program opens.
# ruff: noqa: PTH

import errno
import io
import os
import shutil
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Any, Self

from torchladder.runner.overlay import AnyPath, Overlay

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_real_open, _real_os_open = io.open, os.open


def is_foreign(path: object, options: dict[str, Any]) -> bool:
    """Whether the call names its file by descriptor, which needs no redirection."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return True
    return any(options.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd"))


def open_file(overlay: Overlay, file: Any, mode: str = "r", *args: Any, **options: Any) -> IO[Any]:
    """Open as ``open`` does; the file object keeps the name the program gave."""
    if isinstance(file, (str, bytes, os.PathLike)):
        options["opener"] = lambda path, flags: os_open(overlay, path, flags, 0o666)
    return _real_open(file, mode, *args, **options)


def os_open(overlay: Overlay, path: AnyPath, flags: int, mode: int = 0o777, **options: Any) -> int:
    """Open a descriptor, on the changed version if there is one or will be one."""
    if is_foreign(path, options) or overlay.locate(path) is None:
        return _real_os_open(path, flags, mode, **options)
    if not flags & _WRITING:
        return _real_os_open(overlay.read(path), flags, mode)
    key = str(overlay.locate(path))
    exclusive = os.O_CREAT | os.O_EXCL
    if flags & exclusive == exclusive and overlay.find(key) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(path))
    create, keep = bool(flags & os.O_CREAT), not flags & os.O_TRUNC
    return _real_os_open(overlay.write(path, keep=keep, create=create), flags, mode)


def reader(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``real`` for a function that only looks at the path it gets first."""

    def call(overlay: Overlay, path: Any = ".", *args: Any, **options: Any) -> Any:
        if is_foreign(path, options):
            return real(path, *args, **options)
        return real(overlay.read(path), *args, **options)

    return call


def changer(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``real`` for a function that changes the existing file it gets first."""

    def call(overlay: Overlay, path: Any, *args: Any, **options: Any) -> Any:
        if is_foreign(path, options):
            return real(path, *args, **options)
        return real(overlay.write(path, create=False), *args, **options)

    return call


def maker(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``real`` for a function that makes something new (``mkdir``, ``mkfifo``)."""

    def call(overlay: Overlay, path: Any, *args: Any, **options: Any) -> Any:
        key = None if is_foreign(path, options) else overlay.locate(path)
        if key is None:
            return real(path, *args, **options)
        if overlay.find(key) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(path))
        overlay.make_room(key, path)
        result = real(overlay.upper(key), *args, **options)
        overlay.unmark(key)
        return result

    return call


def unlink(overlay: Overlay, path: Any, **options: Any) -> None:
    """Remove a file from the program's view."""
    key = None if is_foreign(path, options) else overlay.locate(path)
    if key is None:
        os.unlink(path, **options)
        return
    found = _found(overlay, key, path)
    if found != key:
        os.unlink(found)
    elif os.path.isdir(key) and not os.path.islink(key):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
    overlay.mark(key)


def rmdir(overlay: Overlay, path: Any, **options: Any) -> None:
    """Remove an empty folder from the program's view."""
    key = None if is_foreign(path, options) else overlay.locate(path)
    if key is None:
        os.rmdir(path, **options)
        return
    found = _found(overlay, key, path)
    if not os.path.isdir(found):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fsdecode(path))
    names = overlay.names(key)
    if os.listdir(found) if names is None else names:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), os.fsdecode(path))
    if os.path.isdir(overlay.upper(key)):
        os.rmdir(overlay.upper(key))
    overlay.mark(key)


def rename(overlay: Overlay, src: Any, dst: Any, **options: Any) -> None:
    """Rename in the program's view; what is real stays where it is."""
    if is_foreign(src, options) or is_foreign(dst, options):
        os.replace(src, dst, **options)
        return
    source, goal = overlay.locate(src), overlay.locate(dst)
    if source is None and goal is None:
        os.replace(src, dst)
        return
    origin = src if source is None else _found(overlay, source, src)
    is_real_folder = source is not None and origin == source and os.path.isdir(origin)
    if is_real_folder:
        overlay.copy_tree_up(str(source))
    elif source is not None and origin == source:
        overlay.copy_up(source)
    final = dst if goal is None else _goal(overlay, goal, dst)
    _move(origin if source is None else overlay.upper(source), final)
    if goal is not None:
        overlay.unmark(goal)
    if source is not None:
        hide = overlay.mark_tree if os.path.isdir(source) else overlay.mark
        hide(source)


def _goal(overlay: Overlay, key: str, path: Any) -> str:
    found = overlay.find(key)
    if found == key and os.path.isdir(key):
        names = overlay.names(key)
        if os.listdir(key) if names is None else names:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), os.fsdecode(path))
    overlay.make_room(key, path)
    return overlay.upper(key)


def _move(origin: Any, final: Any) -> None:
    try:
        os.replace(origin, final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Two places the program believes to be on one disk may be on two.
        shutil.move(origin, final)


def link(overlay: Overlay, src: Any, dst: Any, **options: Any) -> None:
    """Make a second name; as a copy, for the first may be a real file."""
    if is_foreign(src, options) or is_foreign(dst, options) or overlay.locate(dst) is None:
        os.link(src, dst, **options)
        return
    key = str(overlay.locate(dst))
    if overlay.find(key) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(dst))
    origin = overlay.read(src)
    overlay.make_room(key, dst)
    shutil.copy2(os.fsdecode(origin), overlay.upper(key))
    overlay.unmark(key)


def symlink(overlay: Overlay, src: Any, dst: Any, *args: Any, **options: Any) -> None:
    """Make a symbolic link in our layer that leads to what the program sees at ``src``."""
    key = None if is_foreign(dst, options) else overlay.locate(dst)
    if key is None:
        os.symlink(src, dst, *args, **options)
        return
    if overlay.find(key) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(dst))
    overlay.make_room(key, dst)
    pointed = os.path.normpath(os.path.join(os.path.dirname(key), os.fsdecode(src)))
    target = overlay.locate(pointed)
    found = overlay.find(target) if target is not None else None
    # One that leads nowhere yet leads into our layer, where its target will be written.
    real = pointed if target is None else found or overlay.upper(target)
    os.symlink(real, overlay.upper(key))
    overlay.unmark(key)


def readlink(overlay: Overlay, path: Any, **options: Any) -> Any:
    """Return where a link leads, by the name the program knows."""
    if is_foreign(path, options):
        return os.readlink(path, **options)
    pointed = os.readlink(os.fsdecode(overlay.read(path)))
    known = overlay.virtual(pointed)
    return os.fsencode(known) if isinstance(path, bytes) else known


def listdir(overlay: Overlay, path: Any = ".") -> list[Any]:
    """Return the names in a folder of both layers."""
    key = None if is_foreign(path, {}) else overlay.locate(path)
    names = overlay.names(key) if key is not None else None
    if names is None or key is None:
        return os.listdir(path if key is None else overlay.read(path))
    found = _found(overlay, key, path)
    if not os.path.isdir(found):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fsdecode(path))
    return [os.fsencode(n) for n in names] if isinstance(path, bytes) else list(names)


def getcwd(overlay: Overlay) -> str:
    """Return the working folder by the name the program knows."""
    return overlay.virtual(os.getcwd())


def scandir(overlay: Overlay, path: Any = ".") -> Any:
    """Return the entries of a folder of both layers."""
    key = None if is_foreign(path, {}) else overlay.locate(path)
    if key is None or overlay.names(key) is None:
        return os.scandir(path if key is None else overlay.read(path))
    names = listdir(overlay, path)
    folder = os.fspath(path)
    return Scan([Entry(overlay, os.path.join(folder, n), n) for n in names])


def _found(overlay: Overlay, key: str, path: Any) -> str:
    found = overlay.find(key)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))
    return found


class Scan:
    """What ``os.scandir`` returns, for a folder of both layers."""

    def __init__(self, entries: list["Entry"]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator["Entry"]:
        return self

    def __next__(self) -> "Entry":
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Forget the rest."""
        self._entries = iter(())


class Entry:
    """What ``os.scandir`` yields: ``path`` as the program knows it, the rest of the real file."""

    def __init__(self, overlay: Overlay, path: Any, name: Any) -> None:
        self.path = path
        self.name = name
        self._real = os.fsdecode(overlay.read(path))

    def __fspath__(self) -> Any:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return the file's status."""
        return os.stat(self._real, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        """Return the file's inode number."""
        return self.stat(follow_symlinks=False).st_ino

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return os.path.islink(self._real)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""
        return os.path.isdir(self._real) and (follow_symlinks or not self.is_symlink())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a file."""
        return os.path.isfile(self._real) and (follow_symlinks or not self.is_symlink())
