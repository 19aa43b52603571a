"""Comments that ignore a finding: by code, by name, or whatever is found on the line."""

import pytest

from torchladder.core.findings import Finding, Place, Severity
from torchladder.core.ignores import ignored_at

FOUND = Finding("TL208", "frozen-parameters", Severity.ERROR, 2, "m", (Place("a.py", 3), Place("b.py", 1, 2)))


@pytest.mark.parametrize(
    ("a", "b", "place"),
    [
        ("x = 1  # torchladder: ignore[TL208]", "y", Place("a.py", 3)),
        ("x = 1  # torchladder:ignore[tl404, frozen-parameters]", "y", Place("a.py", 3)),
        ("x = 1  # torchladder: ignore", "y", Place("a.py", 3)),
        ("x = 1", "y  # torchladder: ignore[TL208]", Place("b.py", 1, 2)),
        ("x = 1  # torchladder: ignore[TL404]", "y", None),
        ("x = 1  # ignore[TL208]", "y", None),
        ("x = 1", "y", None),
    ],
)
def test_a_comment_on_a_line_of_the_finding(a, b, place):
    """Any of its lines, and any line of a statement."""
    files = {"a.py": ["", "", a], "b.py": ["(", b]}

    assert ignored_at(FOUND, files.get) == place


def test_files_that_are_gone_ignore_nothing():
    """Nor do lines that are."""
    assert ignored_at(FOUND, lambda _: None) is None
    assert ignored_at(FOUND, lambda _: ["only one"]) is None
