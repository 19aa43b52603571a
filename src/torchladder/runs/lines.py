"""Files of JSON lines: appended with one write a line, read in spite of a line that a kill has torn.

Strict JSON has no word for some numbers; they are the strings "nan", "inf" and "-inf", as everywhere in torchladder.
"""

import dataclasses
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchladder.core.jsonable import to_json

TAIL = 1 << 16  # bytes in which the last line is looked for; doubled until a whole one is found
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Rows:
    """Writes the values of steps as lines; names are put into JSON once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def line(self, step: int, values: Mapping[str, float]) -> str:
        """Return the line of one step: its number, the time in seconds since the epoch, its values."""
        names = self._names
        parts = []
        for name, value in values.items():
            start = names.get(name) or self._named(name)
            # A finite float, which nearly every value is, is written by the quickest way there is.
            parts.append(f"{start}{value!r}" if type(value) is float and value - value == 0.0 else start + word(value))
        return f'{{"step":{step},"time":{time.time():.3f}{"".join(parts)}}}\n'

    def _named(self, name: str) -> str:
        start = self._names[name] = f",{json.dumps(name)}:"
        return start


class Appender:
    """An open file that only grows. What was written survives a kill of the process at any moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise _unwritable(path, error) from None

    def write(self, text: str) -> None:
        """Append ``text``.

        Raises:
            OSError: If it could not be written whole, in one sentence.
        """
        data = text.encode()
        try:
            written = os.write(self._file, data)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        if written != len(data):
            msg = f"{self.path} cannot be written: the disk is full"
            raise OSError(msg)

    def close(self) -> None:
        """Close the file; nothing is written after."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _unwritable(path: Path, error: OSError) -> OSError:
    return OSError(f"{path} cannot be written: {error.strerror or error}")


def word(value: float) -> str:
    """Return a number as JSON; any kind of float is taken, also NumPy's."""
    plain = float(value)
    if plain - plain == 0.0:
        return repr(plain)
    return '"nan"' if plain != plain else '"inf"' if plain > 0 else '"-inf"'  # noqa: PLR0124 - only NaN differs from itself


def words(values: Sequence[float]) -> str:
    """Return numbers as a JSON array."""
    return f"[{','.join(map(word, values))}]"


def plain(value: Any) -> Any:
    """Return ``value`` as JSON; what has no form of its own (the user's settings, say) as its words."""
    try:
        return to_json(value)
    except TypeError:
        pass
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value)


def value_of(read: Any) -> float:
    """Return the number that ``word`` wrote; NaN for anything else."""
    if isinstance(read, str):
        return _NUMBERS.get(read, math.nan)
    return float(read) if isinstance(read, int | float) else math.nan


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line, None if the line is torn."""
    try:
        made = json.loads(line)
    except ValueError:
        return None
    return made if isinstance(made, dict) else None


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every whole line of a file; nothing if there is none."""
    try:
        with path.open("rb") as file:
            for line in file:
                made = parsed(line)
                if made is not None:
                    yield made
    except OSError:
        return


def last_rows(path: Path, count: int) -> list[dict[str, Any]]:
    """Return up to ``count`` last whole lines, oldest first, without reading the whole of a long file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            reach = TAIL
            while True:
                start = max(size - reach, 0)
                file.seek(start)
                lines = file.read(size - start).splitlines()
                found = [made for line in lines[1 if start else 0 :] if (made := parsed(line)) is not None]
                if start == 0 or len(found) >= count:
                    return found[-count:]
                reach *= 2
    except OSError:
        return []


def spread_rows(path: Path, count: int) -> Iterator[dict[str, Any]]:
    """Yield about ``count`` lines at evenly spaced places of a long file, the first and the last among them."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            reached = -1
            for i in range(count):
                place = size * i // count
                if place <= reached:
                    continue
                file.seek(place)
                if place:
                    file.readline()
                made = parsed(file.readline())
                reached = file.tell()
                if made is not None:
                    yield made
    except OSError:
        return
    yield from last_rows(path, 1)
