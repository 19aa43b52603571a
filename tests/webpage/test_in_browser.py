"""What a person does with the page: zoom, hover, fold, change the colours, and leave it open while a run goes on."""

import dataclasses
import threading
from pathlib import Path

import pytest

from tests.browser import Browser, browser, executable
from tests.webpage.test_page import CHART, MAP, a_broken_one
from torchladder.cli.run_server import serve
from torchladder.core.charts import line
from torchladder.webpage import page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium on the path, nor named by TORCHLADDER_CHROMIUM"),
]
RANGE = "(() => { const s = document.querySelector('figure.chart .plot').plot.scales.x; return [s.min, s.max]; })()"
LEGEND = "document.querySelector('figure.chart .u-legend').textContent"


def mouse(b: Browser, kind: str, x: float, y: float) -> None:
    b.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


def box(b: Browser, what: str) -> list[float]:
    """Return left, top, width and height of an element, which is scrolled to first."""
    b.run(f"document.querySelector('{what}').scrollIntoView({{block: 'center'}})")
    found: list[float] = b.run(
        f"(() => {{ const r = document.querySelector('{what}').getBoundingClientRect();"
        " return [r.left, r.top, r.width, r.height]; })()"
    )
    return found


@pytest.fixture
def opened(tmp_path: Path):
    """Give a browser with a page of two charts and a map."""
    report = dataclasses.replace(a_broken_one(), charts=(CHART, CHART), maps=(MAP,))
    file = tmp_path / "page.html"
    page.write(report, file)
    with browser(tmp_path / "profile") as b:
        b.size(1200, 900)
        b.open(f"file://{file}")
        yield b


def test_a_chart_is_zoomed_by_mouse_and_by_keyboard(opened):
    """Dragged, double-clicked to the whole, zoomed and moved by keys, and whole again."""
    assert opened.run(RANGE) == [0, 49]
    left, top, width, height = box(opened, "figure.chart .u-over")
    y = top + height / 2
    mouse(opened, "mousePressed", left + width * 0.2, y)
    for share in (0.3, 0.5, 0.6):
        mouse(opened, "mouseMoved", left + width * share, y)
    mouse(opened, "mouseReleased", left + width * 0.6, y)
    low, high = opened.run(RANGE)
    assert low == pytest.approx(9.8, abs=1)
    assert high == pytest.approx(29.4, abs=1)

    opened.run("document.querySelector('figure.chart .plot').focus()")
    opened.press("0")
    assert opened.run(RANGE) == [0, 49]
    opened.press("+")
    low, high = opened.run(RANGE)
    assert 0 < low < high < 49
    opened.press("ArrowRight")
    assert opened.run(RANGE)[0] > low


def test_values_are_read_by_hovering(opened):
    """Of a chart in its legend, of a map beneath it."""
    left, top, width, height = box(opened, "figure.chart .u-over")
    opened.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + width / 2, y=top + height / 2)
    opened.until(f"!{LEGEND}.includes('last')")
    assert "training" in opened.run(LEGEND)

    left, top, width, _ = box(opened, "figure.map canvas")
    opened.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + width - 5, y=top + 25)
    assert opened.run("document.querySelector('.map .read').textContent") == "b, step 10: 0.01"


def test_the_colours_follow_the_system_and_the_button(opened):
    """Both ways; the charts are drawn anew."""
    paper = "getComputedStyle(document.body).backgroundColor"
    assert opened.run(paper) == "rgb(255, 255, 255)"
    opened.dark()
    opened.until(f"{paper} === 'rgb(13, 17, 23)'")
    opened.run("document.getElementById('theme').click()")
    assert opened.run(paper) == "rgb(255, 255, 255)"
    assert opened.run("document.querySelectorAll('figure.chart canvas').length") == 2


def test_nothing_is_wider_than_a_phone(opened):
    """Only what scrolls by itself is."""
    opened.size(390, 800)
    opened.until("document.documentElement.scrollWidth <= 390")


def test_what_has_the_focus_is_seen(opened):
    """From the first key on: the way past the head of the page, then the button, then the ladder's rungs."""
    seen = []
    for _ in range(3):
        opened.press("Tab")
        seen.append(
            opened.run("[getComputedStyle(document.activeElement).outlineStyle, document.activeElement.tagName]")
        )
    assert seen == [["solid", "A"], ["solid", "BUTTON"], ["solid", "A"]]


def test_paper_is_light(opened):
    """Whatever the screen was; and the screen is as it was afterwards."""
    opened.dark()
    opened.run("dispatchEvent(new Event('beforeprint'))")
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    opened.call("Emulation.setEmulatedMedia", media="")
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run("document.documentElement.dataset.theme === undefined && document.body.style.width === ''")


def test_a_live_page_fetches_itself(tmp_path, capfd):
    """New points come, what is open stays open, and another address gets nothing."""
    count = [10]

    def render() -> str:
        count[0] += 5
        lines = (line("training", range(count[0]), [1.0 + i for i in range(count[0])]),)
        report = dataclasses.replace(a_broken_one(), charts=(dataclasses.replace(CHART, lines=lines, log_y=False),))
        return page.render(report, every=0.3)

    threading.Thread(target=serve, args=(render,), daemon=True).start()
    address = ""
    while "http://127.0.0.1:" not in address:
        address += capfd.readouterr().err
    url = address.split("live: ")[1].split(" ")[0]
    with browser(tmp_path / "profile") as b:
        b.open(url)
        first = b.run(RANGE)[1]
        b.run("document.querySelector('figure.chart details').open = true")
        b.until(f"({RANGE})[1] > {first + 8}")
        assert b.run("document.querySelector('figure.chart details').open") is True
        answer = b.run(f"fetch('{url[:-3]}xyz').then((r) => r.status)")
        assert answer == 404
