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


def patch_foreign(redirect: Redirect, remember: Callable[[Any, str, Any], None]) -> None:
    """Redirect the paths of every border.

    Args:
        redirect: Called with (path, writes, keeps), returns the path to use instead.
        remember: Called with (owner, name, original) for each patch made.
    """
    for border in _BORDERS:
        on_import(border.module.partition(".")[0], partial(_patch_later, border, redirect, remember))


def _patch_later(
    border: Border,
    redirect: Redirect,
    remember: Callable[[Any, str, Any], None],
    package: ModuleType,
) -> None:
    """Patch in the package's submodule, which may be imported later still."""
    if border.module == package.__name__:
        _patch(border, redirect, remember, package)
    elif border.module == "torch._C":
        _patch(border, redirect, remember, sys.modules[border.module])
    else:
        on_import(border.module, partial(_patch, border, redirect, remember))


def _patch(
    border: Border,
    redirect: Redirect,
    remember: Callable[[Any, str, Any], None],
    module: ModuleType,
) -> None:
    owner: Any = module
    *holders, name = border.name.split(".")
    for holder in holders:
        owner = getattr(owner, holder, None)
    original = getattr(owner, name, None)
    if original is None or getattr(original, "torchladder_border", False):
        return
    remember(owner, name, vars(owner).get(name, _ABSENT))
    if isinstance(original, type):
        setattr(owner, name, _subclass(border, redirect, original))
    else:
        call = _wrapper(border, redirect, original)
        setattr(owner, name, staticmethod(call) if name == "from_file" else call)


_ABSENT = object()


def put_back(owner: Any, name: str, original: Any) -> None:
    """Undo one patch."""
    if original is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, original)


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
    is_native = not hasattr(original, "__module__") or original.__flags__ & 1 << 10 == 0
    if is_native:
        # Cannot be derived from: a function serves, as nobody asks for instances of such a class.
        return _wrapper(border, redirect, original)

    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        args, options = _redirected(border, redirect, args, options)
        original.__init__(self, *args, **options)

    body = {
        "__init__": __init__,
        "__module__": original.__module__,
        "torchladder_border": True,
    }
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
    return border.module.startswith("sqlite3") and (
        path in {"", ":memory:"} or path.startswith("file:")
    )

