"""Where in the user's program we are: stack frames and tracebacks as places.

``user_place`` runs inside hooks of the training step, so everything about a code object is looked
up once and remembered.
"""

import os
import sys
import sysconfig
import traceback
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType

from torchladder.core.findings import Place
from torchladder.runner.cells import is_cell, shown_name

_PACKAGE = str(Path(__file__).resolve().parents[1])
# Specimens are programs of users in all but name: they are shipped to be run and judged.
_SPECIMENS = str(Path(_PACKAGE) / "specimens") + os.sep
# "scripts" holds the commands that packages install: torchladder, torchrun, accelerate.
_LIBRARIES = tuple(str(Path(sysconfig.get_path(name))) + os.sep for name in ("stdlib", "platstdlib", "scripts"))
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
# CPython stores one position per instruction of two bytes.
_BYTES_PER_INSTRUCTION = 2

_main_files: set[str] = set()
_roots: list[str] = []
_paths: dict[CodeType, str | None] = {}
_places: dict[tuple[CodeType, int], Place] = {}
_caller: list[Place] = []


def set_root(folder: str, main_file: str | None = None) -> None:
    """Make places relative to ``folder``; ``main_file`` is user code wherever it lies."""
    _roots[:] = [folder]
    if main_file is not None:
        _main_files.add(main_file)
    is_user_code.cache_clear()
    _paths.clear()
    _places.clear()


@cache
def is_user_code(filename: str) -> bool:
    """Whether ``filename`` is the user's, not a library's, Python's or torchladder's."""
    if filename in _main_files or is_cell(filename):
        return True
    if filename.startswith("<") or is_own_code(filename):
        return False
    if any(part in filename for part in _INSTALLED):
        return False
    return not filename.startswith(_LIBRARIES)


def is_own_code(filename: str) -> bool:
    """Whether ``filename`` is part of torchladder itself."""
    return filename.startswith(_PACKAGE + os.sep) and not filename.startswith(_SPECIMENS)


def user_place(depth: int = 1) -> Place | None:
    """Return the innermost line of the user's program on the stack, None if there is none.

    Args:
        depth: Frames to skip; 1 starts at the caller.
    """
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 -- the documented way to walk the stack fast
    while frame is not None:
        code = frame.f_code
        try:
            path = _paths[code]
        except KeyError:
            path = _learn(code)
        if path is not None:
            place = _places.get((code, frame.f_lasti))
            return place or _make(code, frame.f_lasti, frame.f_lineno, path)
        frame = frame.f_back
    return _caller[0] if _caller else None


def set_caller(place: Place | None) -> None:
    """Say which line stands behind everything here that no line of the user's is on the stack for."""
    _caller[:] = [place] if place is not None else []


def user_caller(depth: int = 1) -> Place | None:
    """Return the line that called the innermost of the user's functions on the stack, None at the top of a file.

    Args:
        depth: Frames to skip; 1 starts at the caller.
    """
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 -- as above
    inner = True
    while frame is not None:
        path = _paths[frame.f_code] if frame.f_code in _paths else _learn(frame.f_code)
        if path is not None and not inner:
            return _make(frame.f_code, frame.f_lasti, frame.f_lineno, path)
        inner = inner and path is None
        frame = frame.f_back
    return None


def user_places(depth: int = 1, most: int = 3) -> tuple[Place, ...]:
    """Return the user's lines on the stack that led here, the innermost first.

    Args:
        depth: Frames to skip; 1 starts at the caller.
        most: How many to return.
    """
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 -- as above
    found: list[Place] = []
    while frame is not None and len(found) < most:
        path = _paths[frame.f_code] if frame.f_code in _paths else _learn(frame.f_code)
        if path is not None:
            found.append(_make(frame.f_code, frame.f_lasti, frame.f_lineno, path))
        frame = frame.f_back
    return tuple(found)


def user_callers(depth: int = 1) -> tuple[tuple[CodeType, int], ...]:
    """Return where each of the user's functions on the stack was called from, without the innermost one's own line.

    Two calls of one evaluating function differ by it; the turns of a loop inside that function do not.

    Args:
        depth: Frames to skip; 1 starts at the caller.
    """
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 -- as above
    found = []
    while frame is not None:
        if (_paths[frame.f_code] if frame.f_code in _paths else _learn(frame.f_code)) is not None:
            found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(found[1:])


def called_by_user(depth: int = 1) -> bool:
    """Tell whether the nearest frame that is not torchladder's own is the user's, not a library's."""
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 -- as above
    while frame is not None and is_own_code(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and is_user_code(frame.f_code.co_filename)


def place_in(code: CodeType) -> Place | None:
    """Return the line of a user's function, None for code that is not the user's."""
    if not is_user_code(code.co_filename):
        return None
    return Place(relative(code.co_filename), code.co_firstlineno, function=code.co_qualname)


def places_of_traceback(tb: TracebackType | None) -> tuple[Place, ...]:
    """Return the user's frames of ``tb``, innermost last."""
    found = []
    while tb is not None:
        code = tb.tb_frame.f_code
        path = _learn(code)
        if path is not None:
            found.append(_make(code, tb.tb_lasti, tb.tb_lineno, path))
        tb = tb.tb_next
    return tuple(found)


def clean_traceback(exc: BaseException) -> str:
    """Return the traceback of ``exc`` as plain Python would have printed it."""
    report = traceback.TracebackException.from_exception(exc)
    _prune(report, set())
    return "".join(report.format())


def relative(filename: str) -> str:
    """Return ``filename`` relative to the working folder when it lies inside, a cell's as ``In[3]``."""
    cell = shown_name(filename)
    if cell is not None:
        return cell
    root = _roots[0] if _roots else str(Path.cwd())
    return filename.removeprefix(root.rstrip(os.sep) + os.sep)


def called_by_us(depth: int = 2) -> bool:
    """Tell whether the function that asks was called from torchladder itself."""
    return is_own_code(sys._getframe(depth).f_code.co_filename)  # noqa: SLF001 -- as above


def absolute(path: str) -> str:
    """Return where a file lies that ``relative`` has named."""
    return os.path.join(_roots[0] if _roots else str(Path.cwd()), path)


def _learn(code: CodeType) -> str | None:
    filename = code.co_filename
    path = relative(filename) if is_user_code(filename) else None
    _paths[code] = path
    return path


def _make(code: CodeType, lasti: int, line: int | None, path: str) -> Place:
    start = lasti // _BYTES_PER_INSTRUCTION
    positions = next(islice(code.co_positions(), start, None), (None, None, None, None))
    first = line or positions[0] or code.co_firstlineno
    place = Place(path, first, max(first, positions[1] or first), code.co_qualname)
    _places[code, lasti] = place
    return place


def _prune(report: traceback.TracebackException, seen: set[int]) -> None:
    """Drop our frames everywhere, and the machinery that started the program from the top."""
    if id(report) in seen:
        return
    seen.add(id(report))
    frames = [f for f in report.stack if not is_own_code(f.filename)]
    if len(frames) != len(report.stack):
        while frames and (frames[0].filename.startswith("<frozen") or _is_runpy(frames[0])):
            del frames[0]
    report.stack = traceback.StackSummary.from_list(frames)
    for other in (report.__cause__, report.__context__, *(report.exceptions or ())):
        if other is not None:
            _prune(other, seen)


def _is_runpy(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).name == "runpy.py"
