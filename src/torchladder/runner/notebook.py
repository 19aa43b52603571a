"""A notebook as the list of its code cells, each compiled under a name of its own.

Line numbers stay those of the cell: magics and shell lines become ``pass``, they are not removed.
"""

import ast
import json
import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError

# A cell magic that only measures or captures still runs its cell as Python; all others name
# another language or write a file.
_PYTHON_CELL = re.compile(r"%%(time|timeit|capture|prun)\b")
_TIMED_LINE = re.compile(r"(?P<indent>\s*)%(time|timeit|prun)\s+(?P<code>[^-].*)$")
_MAGIC_LINE = re.compile(r"(?P<indent>\s*)([%!?]|[\w.]+\?{1,2}\s*$)")
_MAGIC_VALUE = re.compile(r"(?P<head>\s*[\w.,\s]+=\s*)[%!]")
# Magics that the cells after them rely on, and what they do as Python.
_ACTING = (
    (re.compile(r"(?P<indent>\s*)%cd\s+(?P<what>\S.*?)\s*$"), "__import__('os').chdir({what!r})"),
    (
        re.compile(r"(?P<indent>\s*)%(set_)?env\s+(?P<name>\w+)\s*[=\s]\s*(?P<what>\S.*?)\s*$"),
        "__import__('os').environ[{name!r}] = {what!r}",
    ),
    (
        re.compile(r"(?P<indent>\s*)%run\s+(?P<what>[^\s-]\S*\.py)\s*$"),
        "globals().update(__import__('runpy').run_path({what!r}, run_name='__main__'))",
    ),
)
# Jupyter takes `await` at the top of a cell.
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell: ``name`` is its file name in tracebacks, ``source`` plain Python."""

    name: str
    source: str


def cells(path: Path) -> tuple[Cell, ...]:
    """Return the code cells of the notebook ``path``, without magics.

    Raises:
        UsageError: If the file is not a notebook or has no code.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        raw = [c["source"] for c in document["cells"] if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path.name} is not a Jupyter notebook"
        raise UsageError(msg) from error
    texts = [source if isinstance(source, str) else "".join(source) for source in raw]
    found = tuple(
        Cell(f"{path} cell {number}", _plain(text)) for number, text in enumerate(texts, start=1) if text.strip()
    )
    if not found:
        msg = f"{path.name} has no code cells"
        raise UsageError(msg)
    return found


def remember_lines(cell: Cell, *names: str) -> None:
    """Let tracebacks and excerpts find the lines of ``cell`` under its name and ``names``."""
    lines = cell.source.splitlines(keepends=True)
    for name in (cell.name, *names):
        # A modification time of None tells linecache that there is no file to check against.
        linecache.cache[name] = (len(cell.source), None, lines, name)


def _plain(text: str) -> str:
    if _compiles(text):
        return text
    first, _, rest = text.lstrip("\n").partition("\n")
    if first.startswith("%%"):
        # The newline keeps the numbers of the lines that follow.
        return "\n" + _plain(rest) if _PYTHON_CELL.match(first) else "pass\n"
    return "\n".join(_plain_line(line) for line in text.split("\n"))


def _plain_line(line: str) -> str:
    if timed := _TIMED_LINE.match(line):
        return timed["indent"] + timed["code"]
    for pattern, code in _ACTING:
        if acting := pattern.match(line):
            words = acting.groupdict()
            return words["indent"] + code.format(**words)
    if magic := _MAGIC_LINE.match(line):
        return magic["indent"] + "pass"
    if value := _MAGIC_VALUE.match(line):
        return value["head"] + "None"
    return line


def _compiles(text: str) -> bool:
    try:
        compile(text, "<cell>", "exec", flags=FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
