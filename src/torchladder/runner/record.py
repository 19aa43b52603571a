"""What a run leaves behind: one JSON file in its scratch folder, written whole or not at all.

The functions of ``os`` and ``open`` are taken at import, before a sandbox can replace them.
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from torchladder.core.facts import ErrorFact
from torchladder.core.findings import Place
from torchladder.runner import place

_open, _replace, _makedirs = open, os.replace, os.makedirs

RUN = "run.json"
STDOUT = "stdout.txt"
STDERR = "stderr.txt"
# Enough for the last screen of a program's output, and small in a report.
TAIL_CHARACTERS = 4000
# A traceback through a deep model can be long; a report shows its end.
_MESSAGE_CHARACTERS = 2000


def write(scratch: str, name: str, content: dict[str, Any]) -> None:
    """Write ``content`` as ``scratch/name``; a reader sees all of it or none.

    Raises:
        TypeError: If something in ``content`` has no JSON form.
    """
    text = json.dumps(content)
    _makedirs(scratch, exist_ok=True)
    final = f"{scratch}{os.sep}{name}"
    draft = f"{final}.{os.getpid()}.part"
    with _open(draft, "w", encoding="utf-8") as file:
        file.write(text)
    _replace(draft, final)


def read(scratch: str, name: str) -> dict[str, Any] | None:
    """Return what ``write`` wrote, None if it never did."""
    try:
        content = json.loads((Path(scratch) / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def tail(scratch: str, name: str) -> str:
    """Return the last characters of a captured stream."""
    try:
        with (Path(scratch) / name).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            # A character takes at most four bytes.
            file.seek(max(0, size - 4 * TAIL_CHARACTERS))
            return file.read().decode("utf-8", errors="replace")[-TAIL_CHARACTERS:]
    except FileNotFoundError:
        return ""


def error_fact(exc: BaseException) -> ErrorFact:
    """Return ``exc`` as a fact, with the frames of the user's program."""
    frames = place.places_of_traceback(exc.__traceback__)
    if isinstance(exc, SyntaxError) and exc.filename and place.is_user_code(exc.filename):
        path = place.relative(exc.filename)
        frames = (*frames, Place(path, exc.lineno or 1, exc.end_lineno))
    try:
        message = str(exc)
    except Exception:
        message = "(its message cannot be printed)"
    return ErrorFact(
        type=type(exc).__name__,
        message=message[-_MESSAGE_CHARACTERS:],
        traceback=place.clean_traceback(exc),
        frames=frames,
    )


def imported_packages(before: frozenset[str]) -> tuple[str, ...]:
    """Return the third-party packages the program uses.

    Those are the ones loaded since ``before`` (names in ``sys.modules``), and those its own
    modules refer to: what was loaded ahead of time for it does not show up as new.
    """
    modules = dict(sys.modules)
    names = {name.partition(".")[0] for name in modules.keys() - before}
    for module in modules.values():
        if place.is_user_code(getattr(module, "__file__", None) or "<none>"):
            names |= _referred_to(module)
    return tuple(sorted(n for n in names if _is_installed(modules.get(n))))


def _referred_to(module: ModuleType) -> set[str]:
    names = set()
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType):
            names.add(value.__name__.partition(".")[0])
        elif isinstance(origin := getattr(value, "__module__", None), str):
            names.add(origin.partition(".")[0])
    return names


def _is_installed(module: ModuleType | None) -> bool:
    origin = getattr(module, "__file__", None) or ""
    return any(f"{os.sep}{d}{os.sep}" in origin for d in ("site-packages", "dist-packages"))
