"""The user's lines on a page: the lines around a place, what matters in it marked; and a diff line by line."""

from dataclasses import dataclass

from torchladder.core.findings import Finding, Place
from torchladder.report.excerpt import Reader, underline
from torchladder.report.text import clean, clean_lines

AROUND = 3  # lines shown before and after
LONGEST = 400  # characters of a line that are shown


@dataclass(frozen=True)
class CodeLine:
    """A line of source in three parts; ``marked`` is what the finding is about."""

    number: int
    before: str
    marked: str = ""
    after: str = ""
    is_place: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Lines around a place; none when the file is not there any more."""

    where: str
    lines: tuple[CodeLine, ...]


def excerpts(finding: Finding, read: Reader, most: int) -> list[Excerpt]:
    """Return the lines around a finding's first places, those that are near each other together.

    The first place has what matters marked.
    """
    groups: list[list[Place]] = []
    for place in finding.where[:most]:
        near = next((g for g in groups if any(_near(place, other) for other in g)), None)
        if near is None:
            groups.append([place])
        else:
            near.append(place)
    return [_excerpt(group, finding, read) for group in groups]


def _near(a: Place, b: Place) -> bool:
    return a.path == b.path and abs(a.line - b.line) <= 2 * AROUND + 1


def _excerpt(places: list[Place], finding: Finding, read: Reader) -> Excerpt:
    where = ", ".join(_words(p, first=n == 0) for n, p in enumerate(places))
    source = read(places[0].path) or []
    shown = [p for p in places if 1 <= p.line <= len(source)]
    if not shown:
        return Excerpt(where, ())
    first = min(p.line for p in shown)
    last = max(_end(p) for p in shown)
    rows = range(max(first - AROUND, 1), min(last + AROUND, len(source)) + 1)
    return Excerpt(where, tuple(_line(source, n, shown, finding) for n in rows))


def _words(place: Place, *, first: bool) -> str:
    words = str(place) if first else f"line {place.line}"
    return clean(f"{words} in {place.function}" if first and place.function not in {None, "<module>"} else words)


def _end(place: Place) -> int:
    return min(place.end_line or place.line, place.line + AROUND)


def _line(source: list[str], n: int, places: list[Place], finding: Finding) -> CodeLine:
    text = source[n - 1][:LONGEST]
    is_place = any(p.line <= n <= _end(p) for p in places)
    if (places[0].path, n) != (finding.where[0].path, finding.where[0].line):
        return CodeLine(n, clean(text), is_place=is_place)
    span = underline(source, n, finding)
    return CodeLine(n, clean(text[: span.start]), clean(text[span.start : span.end]), clean(text[span.end :]), is_place)


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """Return the lines of a unified diff, each with its kind: "add", "remove", "hunk", "file" or "same"."""
    kinds = {"+": "add", "-": "remove", "@": "hunk"}
    rows = clean_lines(diff.rstrip("\n"))
    return [("file" if row.startswith(("+++ ", "--- ")) else kinds.get(row[:1], "same"), row) for row in rows]
