"""Libraries that open files in C, C++ or Rust: their paths are redirected at the Python border.

Each is patched when it is imported, or at once if it already is.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from torchladder.runner.hooks import on_import

Redirect = Callable[[Any, bool, bool], Any]

_ABSENT = object()
# CPython's Py_TPFLAGS_BASETYPE.
_MAY_BE_DERIVED_FROM = 1 << 10


@dataclass(frozen=True, slots=True)
class Border:
    """A function that takes a path and does not open it by Python's ``open``.

    Attributes:
        module: Where it is looked up, with ``name`` (dotted for a method).
        position: Index of the path among the positional arguments, ``keyword`` its name.
        writes: Whether it writes; None when ``mode`` says so (anything but "r").
        keeps: Whether the present content of the file is needed.
    """

    module: str
    name: str
    position: int
    keyword: str
    writes: bool | None
    keeps: bool = False


_BORDERS = (
    Border("torch._C", "PyTorchFileWriter", 0, "file_name", writes=True),
    Border("torch._C", "PyTorchFileReader", 0, "file_name", writes=False),
    Border("torch", "UntypedStorage.from_file", 0, "filename", writes=None, keeps=True),
    Border("torch.jit", "save", 1, "f", writes=True),
    Border("torch.jit", "load", 0, "f", writes=False),
    Border("torch.jit", "RecursiveScriptModule.save", 1, "f", writes=True),
    Border("safetensors", "serialize_file", 1, "filename", writes=True),
    Border("safetensors", "safe_open", 0, "filename", writes=False),
    Border("safetensors.torch", "serialize_file", 1, "filename", writes=True),
    Border("safetensors.torch", "safe_open", 0, "filename", writes=False),
    Border("safetensors.numpy", "serialize_file", 1, "filename", writes=True),
    Border("safetensors.numpy", "safe_open", 0, "filename", writes=False),
    Border("sqlite3", "connect", 0, "database", writes=True, keeps=True),
    Border("sqlite3.dbapi2", "connect", 0, "database", writes=True, keeps=True),
    Border("h5py", "File.__init__", 1, "name", writes=None, keeps=True),
    Border("cv2", "imwrite", 0, "filename", writes=True),
    Border("cv2", "imread", 0, "filename", writes=False),
    Border("torchvision.io.image", "write_file", 0, "filename", writes=True),
    Border("torchvision.io.image", "read_file", 0, "path", writes=False),
    Border("soundfile", "SoundFile.__init__", 1, "file", writes=None),
    Border("pyarrow.parquet", "write_table", 1, "where", writes=True),
    Border("pyarrow.parquet", "ParquetFile.__init__", 1, "source", writes=False),
)


class Foreign:
    """The patches of all borders, made as their modules appear, until closed.

    Args:
        redirect: Called with (path, writes, keeps), returns the path to use instead.

    Attributes:
        made: (owner, name, original) of each patch.
    """

    def __init__(self, redirect: Redirect) -> None:
        self._redirect = redirect
        self.made: list[tuple[Any, str, Any]] = []
        self._is_open = True
        for border in _BORDERS:
            on_import(border.module.partition(".")[0], partial(self._patch_in, border))

    def close(self) -> None:
        """Undo every patch, and make no more."""
        self._is_open = False
        while self.made:
            owner, name, original = self.made.pop()
            if original is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, original)

    def _patch_in(self, border: Border, package: ModuleType) -> None:
        """Patch in ``package`` or in its submodule, which may be imported later still."""
        if border.module == package.__name__:
            self._patch(border, package)
        elif border.module == "torch._C":
            self._patch(border, sys.modules[border.module])
        else:
            on_import(border.module, partial(self._patch, border))

    def _patch(self, border: Border, module: ModuleType) -> None:
        owner: Any = module
        *holders, name = border.name.split(".")
        for holder in holders:
            owner = getattr(owner, holder, None)
        original = getattr(owner, name, None)
        if not self._is_open or original is None or getattr(original, "torchladder_border", False):
            return
        self.made.append((owner, name, vars(owner).get(name, _ABSENT)))
        if isinstance(original, type) and original.__flags__ & _MAY_BE_DERIVED_FROM:
            setattr(owner, name, _subclass(border, self._redirect, original))
            return
        # Nobody asks for instances of a class that cannot be derived from: a function serves.
        call = _wrapper(border, self._redirect, original)
        setattr(owner, name, staticmethod(call) if name == "from_file" else call)


def _wrapper(border: Border, redirect: Redirect, original: Any) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        args, options = _redirected(border, redirect, args, options)
        return original(*args, **options)

    call.__name__ = call.__qualname__ = getattr(original, "__name__", border.name)
    call.__doc__ = getattr(original, "__doc__", None)
    call.__wrapped__ = original  # type: ignore[attr-defined]
    call.torchladder_border = True  # type: ignore[attr-defined]
    return call


def _subclass(border: Border, redirect: Redirect, original: Any) -> Any:
    """Return a class whose instances are of the original one too."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        args, options = _redirected(border, redirect, args, options)
        original.__init__(self, *args, **options)

    body = {"__init__": __init__, "__module__": original.__module__, "torchladder_border": True}
    return type(original.__name__, (original,), body)


def _redirected(
    border: Border, redirect: Redirect, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    by_keyword = border.keyword in options
    if not by_keyword and border.position >= len(args):
        return args, options
    path = options[border.keyword] if by_keyword else args[border.position]
    if not isinstance(path, (str, os.PathLike)) or _is_no_file(border, str(path)):
        return args, options
    real = os.fspath(redirect(path, _writes(border, args, options), border.keeps))
    if by_keyword:
        return args, options | {border.keyword: real}
    return (*args[: border.position], real, *args[border.position + 1 :]), options


def _writes(border: Border, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    if border.writes is not None:
        return border.writes
    if border.name == "UntypedStorage.from_file":
        shared = options.get("shared", args[1] if len(args) > 1 else False)
        return bool(shared)
    after = border.position + 1
    mode = options.get("mode", args[after] if len(args) > after else "r")
    return bool(mode) and mode != "r"


def _is_no_file(border: Border, path: str) -> bool:
    """Whether sqlite is given one of the names that are not paths."""
    return border.module.startswith("sqlite3") and (path in {"", ":memory:"} or path.startswith("file:"))
