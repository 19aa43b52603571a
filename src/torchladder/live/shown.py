"""A report that shows itself: as text when printed, as a page in a notebook."""

import dataclasses
import html
from itertools import pairwise

from rich.style import Style
from rich.text import Text

from torchladder.core.report import Report
from torchladder.report.excerpt import read_source
from torchladder.report.terminal import page, render

WIDTH = 100  # columns, about what a notebook shows without scrolling


class ShownReport(Report):
    """A report with the looks of the terminal's, wherever it is displayed."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return the page as plain text."""
        return render(self, width=WIDTH)

    def _repr_html_(self) -> str:
        """Return the page as HTML, everything in it escaped."""
        lines = "\n".join(as_html(line) for line in page(self, read_source, WIDTH))
        return f'<pre style="line-height: 1.3; white-space: pre-wrap">{lines}</pre>'


def shown(report: Report) -> ShownReport:
    """Return a report as one that shows itself."""
    return ShownReport(**{f.name: getattr(report, f.name) for f in dataclasses.fields(report)})


def as_html(line: Text) -> str:
    """Return one line of the page with its styles as spans."""
    parts = []
    for start, end, style in _runs(line):
        text = html.escape(line.plain[start:end])
        rules = "; ".join(_rules(style))
        parts.append(f'<span style="{rules}">{text}</span>' if rules else text)
    return "".join(parts)


def _runs(line: Text) -> list[tuple[int, int, Style]]:
    """Return (start, end, style) of the stretches that look alike."""
    cuts = sorted({0, len(line.plain), *(c for s in line.spans for c in (s.start, s.end) if c <= len(line.plain))})
    base = _style(line.style)
    runs = []
    for start, end in pairwise(cuts):
        style = base
        for span in line.spans:
            if span.start <= start and end <= span.end:
                style = style + _style(span.style)
        runs.append((start, end, style))
    return runs


def _style(style: str | Style) -> Style:
    return Style.parse(style) if isinstance(style, str) else style


def _rules(style: Style) -> list[str]:
    found = []
    if style.color is not None and style.color.triplet is None:
        found.append(f"color: {style.color.name.replace('_', '')}")
    if style.bold:
        found.append("font-weight: bold")
    if style.dim:
        found.append("opacity: 0.6")
    return found
