"""Which part of a source line a finding is about: the columns that get underlined.

The finding's words are the guide: a call, keyword or expression of the line that stands in backticks
in its message wins; else the value that the statement computes; else the whole line.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torchladder.core.findings import Finding
from torchladder.report.cells import cell_lines

Reader = Callable[[str], list[str] | None]

MAX_SOURCE_BYTES = 2_000_000
MAX_COLUMNS = 4_000


def read_source(path: str) -> list[str] | None:
    """Return the lines of a source file or a notebook's cell, or None when it is not there or not readable as one."""
    if cell := cell_lines(path):
        return cell
    file = Path(path)
    try:
        if not file.is_file() or file.stat().st_size > MAX_SOURCE_BYTES:
            return None
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Span:
    """Columns of one line, counted in characters from 0; ``end`` is exclusive."""

    start: int
    end: int


def _whole(line: str) -> Span:
    stripped = line.strip()
    start = len(line) - len(line.lstrip())
    comment = re.search(r"\s+#[^'\"]*$", stripped)
    return Span(start, start + (comment.start() if comment else len(stripped)))


def _span(node: ast.expr | ast.keyword, line: str, number: int) -> Span | None:
    if node.lineno != number:
        return None
    raw = line.encode()
    start = len(raw[: node.col_offset].decode(errors="replace"))
    if node.end_lineno != number or node.end_col_offset is None:
        return Span(start, max(start + 1, _whole(line).end))
    return Span(start, len(raw[: node.end_col_offset].decode(errors="replace")))


def _wanted(finding: Finding) -> Iterator[str]:
    """Yield the backticked words of a finding, the message's first."""
    texts = [finding.message, *(f.title for f in finding.fixes), finding.remark or "", *finding.notes]
    for text in texts:
        yield from re.findall(r"`([^`]+)`", text)


def _name_of(node: ast.expr | ast.keyword) -> str | None:
    if isinstance(node, ast.keyword):
        return node.arg
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _plain(code: str) -> str:
    return re.sub(r"\s+", "", code)


def _named(nodes: list[ast.expr | ast.keyword], word: str, source: str) -> list[ast.expr | ast.keyword]:
    exact = [n for n in nodes if _plain(ast.get_source_segment(source, n) or "") == _plain(word)]
    telling = [n for n in exact if not isinstance(n, ast.Attribute | ast.Name)]
    if telling:
        return telling
    last = word.removesuffix("()").rsplit(".", 1)[-1]
    alike = [n for n in nodes if _name_of(n) == last]
    calls = [n for n in alike if not isinstance(n, ast.Attribute | ast.Name)]
    return calls or exact or [n for n in alike if not isinstance(n, ast.Name)]


def _value(statement: ast.stmt) -> ast.expr | None:
    """Return what a statement computes, the part worth pointing at."""
    if isinstance(statement, ast.Return | ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
        return statement.value
    if isinstance(statement, ast.For):
        return statement.iter
    return statement.items[0].context_expr if isinstance(statement, ast.With) else None


def underline(lines: list[str], number: int, finding: Finding) -> Span:
    """Return the columns of line ``number`` (from 1) that ``finding`` is about."""
    line = lines[number - 1]
    whole = _whole(line)
    source = "\n".join(lines)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return whole
    here: list[ast.expr | ast.keyword] = []
    statements: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.keyword) and node.lineno == number:
            here.append(node)
        elif isinstance(node, ast.stmt) and node.lineno == number:
            statements.append(node)
    if len(line) > MAX_COLUMNS:
        return whole
    for word in _wanted(finding):
        spans = [s for n in _named(here, word, source) if (s := _span(n, line, number))]
        if spans:
            return min(spans, key=lambda s: s.end - s.start)
    values = [v for s in statements if (v := _value(s)) is not None]
    spans = [s for v in values if (s := _span(v, line, number))]
    return spans[-1] if spans else whole
