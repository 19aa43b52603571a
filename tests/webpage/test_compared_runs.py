"""Runs compared on a page: the tables of the terminal, and each metric as one chart of all runs."""

import json
import re

import pytest

from tests.browser import browser, executable
from tests.unit.runs.test_compare import LAYERS, made, seeded
from torchladder.cli.main import main

VALUES = "[...document.querySelectorAll('figure.chart .u-legend .u-value')].map((e) => e.textContent)"


@pytest.fixture
def compared(tmp_path):
    """Return the page of two runs that differ in their rate."""
    base, file = tmp_path / "runs", tmp_path / "compared.html"
    made(base, 1, LAYERS, [2.0 / (i + 1) for i in range(60)], accuracy=0.8)
    made(base, 2, seeded(0, 0.2), [2.5 / (i + 1) for i in range(40)], accuracy=0.7)
    assert main(["runs", "compare", "run-1", "run-2", "--runs", str(base), "--html", str(file)]) == 0
    return file


def test_a_page_has_the_tables_and_a_chart_of_each_metric(capsys, compared):
    """Config differs in its rate; the loss of both runs is in one chart; it is said where the page is."""
    text = compared.read_text()
    charts = [json.loads(c) for c in re.findall(r'<script type="application/json">(.*?)</script>', text)]

    assert "compared.html" in capsys.readouterr().out
    assert '<span class="badge">compared</span> 2 runs, config differs' in text
    for words in ("The runs", "What they were made of", "What came out", "config: lr", ">0.1<", ">0.2<", "B - A"):
        assert words in text, words
    assert [c["title"] for c in charts] == ["loss", "accuracy"]
    assert [len(line["x"]) for line in charts[0]["lines"]] == [60, 40]
    assert "HEALTHY" not in text.upper().split("</STYLE>")[-1].split("<SCRIPT>")[0]


def test_a_file_of_somebody_else_is_left_alone(compared, capsys):
    """One sentence and status 2, before anything is compared."""
    compared.write_text("<p>mine</p>")
    capsys.readouterr()
    words = ["runs", "compare", "run-1", "run-2", "--runs", str(compared.parent / "runs"), "--html", str(compared)]

    assert main(words) == 2
    assert capsys.readouterr().out == ""
    assert compared.read_text() == "<p>mine</p>"


@pytest.mark.slow
@pytest.mark.skipif(executable() is None, reason="no Chromium on the path, nor named by TORCHLADDER_CHROMIUM")
def test_both_runs_are_read_off_at_one_step(compared, tmp_path):
    """Pointed at, the legend has the values of both runs there; dragged, both are zoomed."""
    with browser(tmp_path / "profile") as b:
        b.size(1200, 900)
        b.open(f"file://{compared}")
        b.run("document.querySelector('figure.chart').scrollIntoView()")
        left, top, width, height = b.run(
            "(() => { const r = document.querySelector('.u-over').getBoundingClientRect();"
            " return [r.left, r.top, r.width, r.height]; })()"
        )
        b.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + width / 3, y=top + height / 2)
        b.until(f"{VALUES}[0] !== 'last'")
        step, first, second = b.run(VALUES)[:3]
        assert float(second) / float(first) == pytest.approx(1.25, rel=0.01)
        assert float(first) == pytest.approx(2 / (float(step) + 1), rel=0.01)
