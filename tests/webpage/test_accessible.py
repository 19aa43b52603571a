"""What those need who do not see the page, or have no mouse: landmarks, headings in order, names, heads of tables."""

import itertools
import re
from html.parser import HTMLParser

import pytest

from tests.snapshots.reports import PAGES
from tests.webpage.test_hostile_words import a_comparison, an_ablation
from torchladder.cli.runs_compare_page import report_of
from torchladder.mistakes.page import BODY
from torchladder.webpage import page

REPORTS = {**PAGES, "comparison": report_of(a_comparison()), "changes": an_ablation()}


class Outline(HTMLParser):
    """Collects what a reader of the page by ear goes by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of these kinds."""
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(params=sorted(REPORTS))
def outline(request) -> Outline:
    """Return the outline of every kind of page."""
    return Outline(page.render(REPORTS[request.param], read=lambda _: ["x = 1"] * 200))


def test_landmarks(outline):
    """One of each, a way past the head, and every section called by its heading."""
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]

    assert [len(outline.of(tag)) for tag in ("header", "main", "footer")] == [1, 1, 1]
    assert outline.of("a")[0]["href"] == "#main"
    assert len(ids) == len(set(ids))
    assert all(section.get("aria-labelledby") in ids for section in outline.of("section"))
    assert all(str(link["href"]).removeprefix("#") in ids for link in outline.of("a"))


def test_headings_are_in_order(outline):
    """One h1 first; no level is left out on the way down."""
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_pictures_have_words(outline):
    """Charts and pictures say what they show; what scrolls can be reached by the keyboard, and has a name."""
    assert all(image.get("alt") for image in outline.of("img"))
    plots = [a for _, a in outline.elements if a.get("role") == "img"]
    assert all(a.get("aria-label") and a.get("tabindex") == "0" for a in plots)
    regions = [a for a in outline.of("div") if a.get("class") == "scroll"]
    assert all(a.get("aria-label") and a.get("tabindex") == "0" for a in regions)
    assert all(a.get("tabindex") == "0" for a in outline.of("pre"))


def test_tables_have_heads(outline):
    """Of a column or of a row."""
    assert all(head.get("scope") in {"col", "row"} for head in outline.of("th"))


def test_the_page_of_mistakes_has_them_too():
    """Landmarks, headings in order, and a name for every group."""
    outline = Outline(BODY)
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]

    assert [len(outline.of(tag)) for tag in ("header", "main")] == [1, 1]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert all(a.get("aria-label") for a in outline.of("section"))
    assert all(a.get("aria-label") for _, a in outline.elements if a.get("role") == "group")
    assert all(a.get("aria-labelledby") for a in outline.of("dialog"))
