"""The page of a report: complete, small, inert towards what the user's program is called, and drawn without errors."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.browser import executable, loaded
from tests.snapshots.reports import PAGES
from torchladder.core.charts import Chart, HeatMap, Mark, line
from torchladder.core.errors import UsageError
from torchladder.core.findings import Place
from torchladder.core.report import State
from torchladder.webpage import page

needs_browser = pytest.mark.skipif(executable() is None, reason="no Chromium on this machine")
PAYLOADS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\">",
    "\"><script>document.title='owned'</script>",
    "' onmouseover='document.title=1",
    "javascript:document.title='owned'",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\">",
    "<style>body{display:none}</style>",
    "<!--<script>document.title='owned'//-->",
    "{{ 7 * 7 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "<base href='http://127.0.0.1:1/'>",
    "<meta http-equiv='refresh' content='0;url=http://127.0.0.1:1/'>",
    "<a href=\"javascript:document.title='owned'\">a</a>",
    "\u2028document.title='owned'//",
    "]]><script>document.title='owned'</script>",
    "`<script>document.title='owned'</script>`",
    "<math><mtext></table><mglyph><style><img src=x onerror=\"document.title='owned'\">",
    "\x00<scr\x00ipt>document.title='owned'</script>",
    "<details open ontoggle=\"document.title='owned'\">",
)
CHART = Chart(
    "loss of the run", "step", "loss", (line("training", range(50), [1 / (i + 1) for i in range(50)]),),
    marks=(Mark("y", 0.5, "half"), Mark("x", 10, "alert")), log_y=True,
)  # fmt: skip
MAP = HeatMap("gradient by layer", "step", ("a", "b"), (0.0, 10.0), ((1.0, None), (0.1, 0.01)), log=True)


class Elements(HTMLParser):
    """Collects the elements and attributes of a document, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        self.scripts += tag == "script"


def with_words(report, words):
    """Return a report with ``words`` wherever a user's words may stand."""
    cause = report.cause
    assert cause is not None
    fix = dataclasses.replace(cause.fixes[0], title=words, diff=f"+{words}\n-{words}\n") if cause.fixes else None
    cause = dataclasses.replace(
        cause, message=words, module=words, notes=(words,), where=(Place(words, 1, function=words),),
        seen=(dataclasses.replace(cause.seen[0], what=words, value=words, expected=words),),
        fixes=(fix,) if fix else (),
    )  # fmt: skip
    rungs = tuple(dataclasses.replace(r, summary=words, notes=(words,), facts={words: words}) for r in report.rungs)
    named = dataclasses.replace(CHART, title=words, lines=(dataclasses.replace(CHART.lines[0], name=words),))
    rows = dataclasses.replace(MAP, rows=(words, "b"))
    return dataclasses.replace(
        report, script=words, sentence=words, cause=cause, findings=(cause,), rungs=rungs, charts=(named,),
        maps=(rows,), environment={words: words}, error={"traceback": words}, next=words,
    )  # fmt: skip


def a_broken_one():
    return next(r for r in PAGES.values() if r.cause is not None and r.cause.fixes and r.cause.seen)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_kind_of_report_has_a_page(name):
    """Its sentence, each finding, each rung; and no address to fetch anything from."""
    report = PAGES[name]
    text = page.render(report, read=lambda _: None)

    for finding in report.findings:
        assert finding.code in text
    for rung in report.rungs:
        assert rung.name in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert text.count("<main") == text.count("</main>") == text.count("<h1") == 1


@pytest.mark.parametrize("words", PAYLOADS)
def test_words_of_the_user_are_text(words):
    """No element, attribute or template expression comes of them."""
    report = a_broken_one()
    text = page.render(with_words(report, words), read=lambda _: [words])
    seen = Elements()
    seen.feed(text)

    assert seen.scripts == 2 + text.count('<script type="application/json">')
    assert not seen.names & {"svg", "iframe", "base", "math", "object", "embed", "form", "a href"}
    assert not [name for name in seen.attributes if name.startswith("on") or name == "srcdoc"]
    assert all(value.startswith(("data:image/", "#")) for value in seen.addresses)
    assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[0]
    for data in re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL):
        json.loads(data)


def test_a_long_run_stays_small():
    """A million points are thinned before they come to the page."""
    lines = (line("training", range(1_000_000), [1.0 + i % 7 for i in range(1_000_000)]),)
    report = dataclasses.replace(a_broken_one(), charts=(dataclasses.replace(CHART, lines=lines),) * 6)

    assert len(page.render(report, read=lambda _: None)) < 1_000_000


def test_long_figures_are_folded_and_commands_are_short():
    """Hundreds of packages under their number, memory in gigabytes, nothing empty, no folder of our own program."""
    packages = {f"package{i}": "1.0" for i in range(200)}
    environment = {"packages": packages, "memory": 25_276_502_016, "torch": {}, "libraries": ["sklearn", "torch"]}
    report = dataclasses.replace(
        a_broken_one(), script="/opt/tools/bin/torchladder watch train.py", environment=environment
    )
    text = page.render(report, read=lambda _: None)

    assert "<summary>200 entries</summary>package0: 1.0, package1: 1.0" in text
    assert "<td>25.3 GB</td>" in text
    assert "<td>sklearn, torch</td>" in text
    assert '<th scope="row">torch</th>' not in text
    assert "/opt/tools" not in text


def test_a_rung_that_could_not_be_judged_is_said_at_the_end():
    """Beneath "what was not checked", beside the rules that could not tell; nothing is said to be whole."""
    report = next(r for r in PAGES.values() if any(one.state is State.UNKNOWN for one in r.rungs))
    tail = page.render(report, read=lambda _: None).split('id="unknown"')[1]

    assert "could not be judged" in tail
    assert "without an answer" not in tail


def test_only_commands_look_like_commands():
    """What a person should do is prose; what can be typed is code."""
    for following, shown in (
        ("torchladder fix x --diff", "<code>torchladder fix x --diff</code>"),
        ("stop at epoch 19", "Next: stop at epoch 19"),
    ):
        report = dataclasses.replace(a_broken_one(), next=following)
        assert shown in page.render(report, read=lambda _: None)


def test_what_is_not_ours_is_not_overwritten(tmp_path):
    """A page of ours may be written again; another file, a folder and a missing folder may not."""
    report, file = a_broken_one(), tmp_path / "page.html"
    page.write(report, file)
    page.write(report, file)
    notes = tmp_path / "notes.html"
    notes.write_text("<p>mine</p>")

    for path in (notes, tmp_path, tmp_path / "gone" / "page.html"):
        with pytest.raises(UsageError):
            page.write(report, path)
    assert notes.read_text() == "<p>mine</p>"
    page.write(report, notes, force=True)


@needs_browser
@pytest.mark.parametrize("width", [1400, 390])
def test_a_browser_draws_the_charts_without_a_word_on_the_console(tmp_path: Path, width: int):
    """A canvas for each chart; nothing is refused by the page's own policy."""
    report = dataclasses.replace(a_broken_one(), charts=(CHART, CHART), maps=(MAP,))
    file = tmp_path / "page.html"
    page.write(report, file)
    text, said = loaded(file, width=width)

    assert said == []
    assert text.count("<canvas") >= 3


@needs_browser
def test_a_browser_runs_nothing_of_the_users(tmp_path: Path):
    """All payloads on one page: its title is as it was, and the body is shown."""
    report = with_words(a_broken_one(), " ".join(PAYLOADS))
    file = tmp_path / "page.html"
    page.write(report, file, read=lambda _: list(PAYLOADS))
    text, said = loaded(file)

    assert "<title>owned</title>" not in text
    assert said == []
