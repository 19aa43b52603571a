"""How a table of text is written: its encoding, its delimiter, whether it quotes, whether it has a header."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from torchladder.core.errors import UsageError
from torchladder.sets.typed import is_number

DELIMITERS = ",\t;|"
LINES = 200  # looked at
AS_GOOD = 0.02  # rows fewer that agree on how many fields there are
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written. ``shift`` is 1 where rows have one field more than the header: names of rows."""

    encoding: str
    delimiter: str
    quoted: bool
    header: bool
    names: tuple[str, ...]

    def words(self) -> str:
        """Return it as a reader would say it."""
        sign = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}[self.delimiter]
        parts = [f"{self.encoding.removesuffix('-sig')}, separated by {sign}"]
        parts += [] if self.quoted else ["quotes are plain characters"]
        parts += [] if self.header else ["no header: columns are numbered from 1"]
        return ", ".join(parts)


def encoding_of(head: bytes) -> str:
    """Return the encoding that the first bytes of a file are in; what is no UTF-8 is taken for Windows' own."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character may be cut off at the end
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def sniff(head: bytes, name: str, *, whole: bool) -> Dialect:
    """Return the dialect of a file from its beginning.

    Args:
        head: The first bytes.
        name: Of the file, for complaints.
        whole: Whether these are all bytes there are.

    Raises:
        UsageError: If there is no line of text, or it is no text at all.
    """
    encoding = encoding_of(head)
    text = head.decode(encoding, "replace")
    if "\0" in text:
        msg = f"{name} is not a table of text"
        raise UsageError(msg)
    lines = text.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines = lines[:-1]  # the last may be cut off
    lines = [x for x in lines if x.strip()][:LINES]
    if not lines:
        msg = f"{name} is empty"
        raise UsageError(msg)
    tried = [(_agreement(lines, d, quoted=q), d, q) for d in DELIMITERS for q in (True, False)]
    best = max(tried, key=lambda t: (t[0], t[2], -DELIMITERS.index(t[1])))
    if best[1] == ",":
        best = _without_decimals(lines, best, tried)
    rows = _rows(lines, best[1], quoted=best[2])
    header = has_header(rows)
    width = Counter(len(r) for r in rows[header:] or rows).most_common(1)[0][0]
    return Dialect(encoding, best[1], best[2], header, _names(rows, width, header=header))


def _rows(lines: Sequence[str], delimiter: str, *, quoted: bool, strict: bool = False) -> list[list[str]]:
    csv.field_size_limit(1 << 24)
    text = io.StringIO("".join(lines))
    if not quoted:
        return [r for r in csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE) if r]
    rows: list[list[str]] = []
    try:
        rows.extend(r for r in csv.reader(text, delimiter=delimiter, strict=strict) if r)
    except csv.Error as error:
        if "end of data" not in str(error):  # the last field may be cut off
            raise
    return rows


def _agreement(lines: Sequence[str], delimiter: str, *, quoted: bool) -> tuple[bool, float, int]:
    """Return whether there are several columns, the share of rows that agree on how many, and how many.

    Quotes that stand where no field begins or ends are characters; rows are counted by lines then.
    """
    try:
        rows = _rows(lines, delimiter, quoted=quoted, strict=True)
        of = len(rows)
    except csv.Error:
        rows, of = _rows(lines, delimiter, quoted=quoted), len(lines)
    if not rows:
        return False, 0.0, 0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return width > 1, round(count / of, 2), width


Tried = tuple[tuple[bool, float, int], str, bool]


def _without_decimals(lines: Sequence[str], best: Tried, tried: Sequence[Tried]) -> Tried:
    """Return the delimiter that is meant where commas may as well be those of decimal numbers: 1,5;2,5."""
    others = [t for t in tried if t[1] != "," and t[0][0] and t[0][1] >= best[0][1] - AS_GOOD]
    return max([best, *others], key=lambda t: _numbers(lines, t[1], quoted=t[2]))


def _numbers(lines: Sequence[str], delimiter: str, *, quoted: bool) -> float:
    """Return the share of fields that are numbers."""
    fields = [w for r in _rows(lines, delimiter, quoted=quoted) for w in r]
    return sum(map(is_number, fields)) / max(len(fields), 1)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row names the columns: no numbers, no two alike, none that occurs again below."""
    first, rest = rows[0], rows[1:]
    if any(map(is_number, first)) or len({w for w in first if w}) < len([w for w in first if w]):
        return False
    if not rest:
        return True
    columns = [[r[i] for r in rest if len(r) > i] for i in range(len(first))]
    if any(c and sum(map(is_number, c)) > 0.9 * len(c) for c in columns):
        return True
    return not any(w and w in c for w, c in zip(first, columns, strict=True))


def _names(rows: Sequence[Sequence[str]], width: int, *, header: bool) -> tuple[str, ...]:
    if not header:
        return tuple(f"column {i + 1}" for i in range(width))
    names = [w.strip() or f"column {i + 1}" for i, w in enumerate(rows[0])]
    if width == len(names) + 1:  # as R writes them: rows have names, their column has none
        last_empty = all(not r[-1] for r in rows[1:] if len(r) == width)
        names = [*names, "(empty)"] if last_empty else ["row name", *names]
    return tuple(names)
