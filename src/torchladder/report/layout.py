"""Text laid out to a width: plain Text objects, never markup."""

import io
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

Lines = Iterator[Text]


def wrapped(first: Text, body: Text, width: int, rest: Text | None = None) -> Lines:
    """Yield ``body`` after ``first``, further lines after ``rest``, by default indented to where the body began."""
    indent = cell_len(first.plain)
    room = max(width - indent, 16)
    parts = body.wrap(Console(width=room, file=io.StringIO()), room) if body.plain else [Text()]
    for n, part in enumerate(parts):
        part.rstrip()
        yield (rest or Text(" " * indent)) + part if n else first + part
