"""What a person sees of an ablation: the terminal at 80 and 120 columns, the page, and the stored record."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.ablation.made import study
from torchladder.ablation.report import reported
from torchladder.ablation.study import Study
from torchladder.core.report import Report
from torchladder.report import json as report_json
from torchladder.report.terminal import render
from torchladder.webpage import page

NAMES = ("lr=0.01", "model.drop_path_rate=0.25,augment.mixup=0.2,training.ema=0.999", "<b>x</b>=\x1b[31m1", "epochs=0")
VALUES = {
    "baseline": [80.0, 80.2, 79.9],
    NAMES[0]: [84.0, 84.3, 83.9],
    NAMES[1]: [80.1, 80.1, 80.2],
    NAMES[2]: [70.0, 70.1, 69.9],
    NAMES[3]: ["training.epochs is 0, where a value greater than or equal to 1 is due"] * 3,
}


@pytest.fixture
def made() -> Study:
    """Return an ablation with every kind of row."""
    found = study(VALUES, None)
    found.seconds = 61.0
    return found


@pytest.fixture
def report(made: Study) -> Report:
    """Return its report."""
    return reported(made, source="train.py --width 16")


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_is_as_it_was(report: Report, width: int, snapshot) -> None:
    """It changes only when somebody means it to."""
    snapshot(f"ablation-{width}.txt", render(report, width=width))


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    """Whatever the names of the changes; figures are never cut."""
    lines = render(report, width=width).splitlines()

    assert [x for x in lines if cell_len(x) > width and not x.startswith("Next: ")] == []
    assert sum("+4.05 ± 0.23" in line for line in lines) == 1


def test_what_the_user_wrote_is_shown_not_obeyed(report: Report) -> None:
    """In the terminal and on the page."""
    assert "\x1b" not in render(report)
    html = page.render(report)
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;=\\x1b[31m1" in html


def test_the_page_has_every_row_and_draws_the_intervals(report: Report) -> None:
    """Those that have one: a failed change has none."""
    html = page.render(report)

    assert all(name in html for name in NAMES[:2])
    assert "no difference" not in html
    assert [line.name for line in report.charts[0].lines] == list(NAMES[:3])
    assert [line.y[0] for line in report.charts[0].lines] == [4.0, 3.0, 2.0]


def test_a_stored_ablation_is_shown_again(report: Report, tmp_path: Path) -> None:
    """The same text after JSON."""
    report_json.write(report, tmp_path / "r.json")

    assert render(report_json.load(tmp_path / "r.json")) == render(report)


def test_every_verdict_has_its_exit_status(made: Study) -> None:
    """130 where it was stopped, 3 where the baseline failed, else what the rungs say."""
    assert reported(made, source="x").exit_status == 0
    made.interrupted = True
    assert reported(made, source="x").exit_status == 130
    failing = study({"baseline": ["no"] * 2, "a": [1.0, 1.0]}, None)
    assert reported(failing, source="x").exit_status == 3
