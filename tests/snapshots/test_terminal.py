"""What the terminal shows, at 80 and at 120 columns."""

import pytest
from rich.cells import cell_len

from tests.snapshots.reports import BROKEN, HOSTILE, PAGES, read
from torchladder.core.report import Report
from torchladder.report.terminal import render

WIDTHS = (80, 120)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_as_it_was(name: str, width: int, snapshot) -> None:
    """A page changes only when somebody means it to."""
    snapshot(f"{name}-{width}.txt", render(PAGES[name], width=width, read=read))


@pytest.mark.parametrize("width", [40, 60, *WIDTHS])
@pytest.mark.parametrize("name", ["broken", "healthy", "undecided", "hostile"])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    """Commands to copy stay whole; everything else fits."""
    lines = render(PAGES[name], width=width, read=read).splitlines()

    assert [x for x in lines if cell_len(x) > width and not x.startswith("Next: ")] == []


@pytest.mark.parametrize("report", PAGES.values(), ids=PAGES)
def test_plain_text_holds_no_control_characters(report: Report) -> None:
    """Nothing that came from the user can move the cursor or change a colour."""
    text = render(report, read=read)

    assert [c for c in text if not c.isprintable() and c != "\n"] == []


def test_colour_adds_nothing_that_the_text_does_not_say() -> None:
    """With the colours taken out, the page is the plain one."""
    from rich.text import Text

    colored = render(BROKEN, read=read, color=True)

    assert "\x1b[" in colored
    assert render(BROKEN, read=read).rstrip() == Text.from_ansi(colored).plain.rstrip()


def test_markup_of_the_user_is_shown_not_obeyed() -> None:
    """Square brackets and emoji codes are text."""
    text = render(HOSTILE, width=120, read=read)

    assert "[bold]markup[/bold]" in text
    assert ":smile:" in text


def test_without_the_source_the_page_still_names_the_line() -> None:
    """A record can be read where the script is not."""
    text = render(BROKEN, read=lambda _: None)

    assert "--> train.py:13 in Net.forward" in text
    assert "^^^" not in text
