"""A writable layer over the file system, kept on disk so that child processes share it.

A path written in an experiment lives under ``files/``, a deleted one has a marker under ``gone/``;
everything else is the real file. Paths are keyed by their absolute name with the folder's symbolic
links resolved, so that two spellings of one file are one file. The functions here are called with
the sandbox's patches switched off for the calling thread: ``os`` is the real one.
"""

# This is the layer beneath pathlib, called for every file the program opens.
# ruff: noqa: PTH

import errno
import os
import shutil
import stat
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

AnyPath: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"

_SYSTEM = ("/dev", "/proc", "/sys", "/run")
# Shared by all runs of all programs; an experiment of its own would download everything again.
_CACHES = ("~/.cache", "~/.triton", "~/.nv", "~/.config/matplotlib")
_CACHE_VARIABLES = ("XDG_CACHE_HOME", "TORCH_HOME", "HF_HOME", "HF_HUB_CACHE", "TRITON_CACHE_DIR",
                    "TORCHINDUCTOR_CACHE_DIR", "MPLCONFIGDIR")  # fmt: skip
_GONE = ".gone~"
# Copying a file before it is changed in place must not fill the disk: 2 GiB.
_LARGEST_COPY_BYTES = 2 << 30


class Overlay:
    """What one experiment changed, and where it really lies.

    Args:
        scratch: Folder for the changed files; itself never redirected.
        cwd: The program's working folder; its whole tree is protected wherever it lies.
        keep_roots: Folders whose files may really be written.
    """

    def __init__(self, scratch: str, cwd: str, keep_roots: tuple[str, ...] = ()) -> None:
        self.files = os.path.realpath(scratch) + "/overlay/files"
        self.gone = os.path.realpath(scratch) + "/overlay/gone"
        self._cwd = os.path.realpath(cwd)
        temp = os.path.realpath(tempfile.gettempdir())
        self._kept = _roots(scratch, *keep_roots)
        self._free = _roots(temp, *_SYSTEM, *_caches())
        self._free_in_cwd = _roots(temp) if _inside(temp, self._cwd) else ()
        Path(self.files).mkdir(parents=True, exist_ok=True)

    def locate(self, path: AnyPath) -> str | None:
        """Return the key of ``path``, None if it may be used as it is."""
        name = os.fsdecode(path)
        if not name:
            return None
        if not name.startswith("/"):
            name = f"{self.virtual(os.getcwd())}/{name}"
        folder, base = os.path.split(os.path.normpath(name))
        key = f"{_resolved(folder)}/{base}".replace("//", "/")
        return key if self._is_protected(key) else None

    def _is_protected(self, key: str) -> bool:
        tree = key + "/"
        if tree.startswith(self._kept) or key == "/":
            return False
        if tree.startswith(self._cwd.rstrip("/") + "/"):
            return not (self._free_in_cwd and tree.startswith(self._free_in_cwd))
        return not tree.startswith(self._free)

    def virtual(self, real: str) -> str:
        """Return the name the program knows for a path that may lie in our folder."""
        return real.removeprefix(self.files) or "/" if real.startswith(self.files) else real

    def _is_elsewhere(self, path: AnyPath) -> bool:
        """Whether ``path`` is relative to a folder that exists in our layer only."""
        is_relative = not os.fsdecode(path).startswith("/")
        return is_relative and os.getcwd().startswith(self.files)

    def upper(self, key: str) -> str:
        """Return where the changed version of ``key`` lies or would lie."""
        return self.files + key

    def find(self, key: str) -> str | None:
        """Return the real path behind ``key``, None if the program sees nothing there."""
        upper = self.upper(key)
        if os.path.lexists(upper):
            # A folder in both layers is the real one: C code finds the unchanged files there.
            return key if _is_dir(upper) and _is_dir(key) else upper
        if os.path.lexists(self._marker(key)) or not os.path.lexists(key):
            return None
        return key

    def read(self, path: AnyPath) -> AnyPath:
        """Return the path to read ``path`` from.

        Raises:
            FileNotFoundError: If the experiment deleted it.
        """
        key = self.locate(path)
        if key is None:
            return path
        found = self.find(key)
        if found is None and os.path.lexists(key):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))
        if found is None or found == key:
            return key if self._is_elsewhere(path) else path
        return found

    def names(self, key: str) -> list[str] | None:
        """Return the entries of a changed folder; None if it is as it really is."""
        upper, markers = self.upper(key), self.gone + key
        if not _is_dir(upper) and not _is_dir(markers):
            return None
        gone = _entries(markers)
        kept = [n for n in _entries(key) if n + _GONE not in gone]
        known = set(kept)
        return kept + [n for n in _entries(upper) if n not in known]

    def write(self, path: AnyPath, *, keep: bool = True, create: bool = True) -> AnyPath:
        """Return the path to write ``path`` to, made ready.

        Args:
            path: Any path of the program's.
            keep: Whether its present content is needed (not when it is truncated).
            create: Whether it may be made anew.

        Raises:
            OSError: What the same write would have raised outside the sandbox.
        """
        key = self.locate(path)
        if key is None:
            return path
        upper, found = self.upper(key), self.find(key)
        if found is None:
            if not create:
                _raise(errno.ENOENT, path)
            self.make_room(key, path)
        elif found == key and not _is_dir(key):
            if not _is_plain(key):
                return path
            if not os.access(key, os.W_OK):
                _raise(errno.EACCES, path)
            self.copy_up(key, keep=keep)
        elif found == key:
            self._make_folders(upper)
        self.unmark(key)
        return upper

    def make_room(self, key: str, path: AnyPath) -> None:
        """Make the folders above a new entry in our layer, if the program has them in its view."""
        parent = os.path.dirname(key)
        found = self.find(parent) if parent != "/" else "/"
        if found is None:
            _raise(errno.ENOENT, path)
        elif not Path(found).is_dir():
            _raise(errno.ENOTDIR, path)
        elif found == parent and not os.access(parent, os.W_OK):
            _raise(errno.EACCES, path)
        self._make_folders(self.upper(parent))

    def mark(self, key: str) -> None:
        """Hide the real file behind ``key``."""
        if os.path.lexists(key):
            marker = Path(self._marker(key))
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()

    def unmark(self, key: str) -> None:
        """Let ``key`` be seen again."""
        Path(self._marker(key)).unlink(missing_ok=True)

    def copy_tree_up(self, key: str) -> None:
        """Bring a real folder and all that the program sees in it into our layer."""
        self._make_folders(self.upper(key))
        for name in self.names(key) or []:
            child = f"{key}/{name}"
            found = self.find(child)
            if found == child and _is_dir(child):
                self.copy_tree_up(child)
            elif found == child:
                self.copy_up(child)

    def mark_tree(self, key: str) -> None:
        """Hide a real folder and everything in it."""
        for name in _entries(key):
            self.mark_tree(f"{key}/{name}")
        self.mark(key)

    def _marker(self, key: str) -> str:
        return f"{self.gone}{key}{_GONE}"

    def copy_up(self, key: str, *, keep: bool = True) -> None:
        """Bring a real file into our layer, with its content only if that is to be kept."""
        upper = Path(self.upper(key))
        self._make_folders(str(upper.parent))
        if not keep:
            upper.touch()
            shutil.copymode(key, upper)
            return
        if Path(key).is_file() and Path(key).stat().st_size > _LARGEST_COPY_BYTES:
            text = "an experiment does not change a file of more than 2 GiB in place"
            raise PermissionError(errno.EPERM, text, key)
        shutil.copy2(key, upper)

    @staticmethod
    def _make_folders(upper: str) -> None:
        Path(upper).mkdir(parents=True, exist_ok=True)


# Programs use few folders and many files; resolving links costs a system call per component.
@lru_cache(maxsize=4096)
def _resolved(folder: str) -> str:
    return os.path.realpath(folder)


def _roots(*folders: str) -> tuple[str, ...]:
    return tuple({os.path.realpath(f).rstrip("/") + "/" for f in folders if f})


def _caches() -> tuple[str, ...]:
    named = [os.environ.get(variable, "") for variable in _CACHE_VARIABLES]
    return tuple(os.path.expanduser(folder) for folder in (*_CACHES, *named) if folder)


def _inside(path: str, folder: str) -> bool:
    return path != folder and (path + "/").startswith(folder.rstrip("/") + "/")


def _is_dir(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_plain(path: str) -> bool:
    """Whether writing changes a file on disk, which it does not for pipes and devices."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _raise(number: int, path: AnyPath) -> None:
    raise OSError(number, os.strerror(number), os.fsdecode(path))
