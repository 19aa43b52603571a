"""Which part of a line is underlined."""

import pytest

from torchladder.core.findings import Finding, Fix, Severity
from torchladder.report.excerpt import underline


def about(message: str, *fixes: str) -> Finding:
    return Finding("TL301", "x", Severity.ERROR, 2, message, fixes=tuple(Fix(t) for t in fixes))


@pytest.mark.parametrize(
    ("line", "message", "expected"),
    [
        (
            "loss = F.cross_entropy(model(x), y)",
            "`cross_entropy` is given probabilities",
            "F.cross_entropy(model(x), y)",
        ),
        ("loss = F.cross_entropy(model(x), y)", "`model` is in evaluation mode", "model(x)"),
        ("    return F.softmax(x, dim=1)  # probabilities", "`nll_loss` is given probabilities", "F.softmax(x, dim=1)"),
        ("loader = DataLoader(data, shuffle=False)", "`shuffle` is off for training", "shuffle=False"),
        ("y = x.view(-1) + 1", "`x.view(-1)` mixes samples", "x.view(-1)"),
        ("été = naïve(x)  # ü", "something else", "naïve(x)"),
        ("for x, y in loader:", "something else", "loader"),
        ("if broken(:", "not Python", "if broken(:"),
        ("    pass", "nothing to compute", "pass"),
    ],
)
def test_the_smallest_part_that_matters(line: str, message: str, expected: str) -> None:
    """A word in backticks wins, else the computed value, else the whole line."""
    lines = [line]
    if line.startswith("    "):
        lines = ["def f(x):", line]
    elif line.endswith(":") and not line.startswith("if"):
        lines = [line, "    pass"]
    number = lines.index(line) + 1

    span = underline(lines, number, about(message))

    assert expected == line[span.start : span.end]


def test_an_expression_over_several_lines_is_underlined_on_its_first() -> None:
    """The underline never leaves the line it stands under."""
    lines = ["loss = criterion(", "    model(x), y)"]

    span = underline(lines, 1, about("`criterion` is given"))

    assert lines[0][span.start : span.end] == "criterion("
