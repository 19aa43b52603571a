"""The tagging page in a real browser: by keyboard, over a reload, served and as a file, and with hostile data."""

import json
import threading
from pathlib import Path

import pytest

from tests.browser import browser, executable
from tests.mistakes.made import analysed, digits, logits_of, model, predictions
from tests.mistakes.payloads import PAYLOADS, hostile
from torchladder.mistakes import tags as stored
from torchladder.mistakes.page import keys_of, page
from torchladder.mistakes.serve import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium on the path, nor named by TORCHLADDER_CHROMIUM"),
]
PRESSED = "[...document.querySelectorAll('#tags button[aria-pressed=true]')].map((b) => b.lastChild.textContent)"
SHOWN = "document.querySelector('#progress').textContent"
PARETO = (
    "[...document.querySelectorAll('#pareto tr')].map((r) => r.cells[0].textContent + ' ' + r.cells[1].textContent)"
)


def made(folder: Path, *, served: bool):
    """Return an analysis of digits with pictures, and its page."""
    _, _, x, y = digits()
    found = analysed(predictions(logits_of(model(), x), y, folder), folder, {"x": x, "y": y})
    tags = stored.empty(texts=False)
    return found, tags, page(found, tags, name="digits", sentence="some are wrong", served=served)


def test_tags_by_keyboard_survive_a_reload_when_served(tmp_path):
    """Keys tag, move, make a new tag and undo; what is on the disk and on the page after a reload is the same."""
    found, tags, text = made(tmp_path, served=True)
    keys = keys_of(found)
    with Server(text, tags, tmp_path / "tags.json") as server, browser(tmp_path / "profile") as b:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        b.open(server.url)
        b.press("1", "ArrowRight", "2", "3", "3", "ArrowRight", "n", *"glare", "Enter", "ArrowRight", "1", "u", "0")
        b.until("document.querySelector('#status').textContent === 'saved'")
        kept = json.loads((tmp_path / "tags.json").read_text(encoding="utf-8"))["mistakes"]
        b.reload()
        b.press("ArrowLeft", "ArrowLeft")
        after = b.run(PRESSED), b.run(SHOWN), b.run(PARETO)
        server.shutdown()

    assert kept == {keys[0]: ["wrong label"], keys[1]: ["ambiguous"], keys[2]: ["glare"], keys[3]: []}
    assert after == (["glare"], f"3 of {len(keys)}, 4 looked at", ["ambiguous 1", "glare 1", "wrong label 1"])


def test_a_page_that_is_left_at_once_loses_nothing(tmp_path):
    """A tag is given and the page loaded again in the same moment."""
    _, tags, text = made(tmp_path, served=True)
    with Server(text, tags, tmp_path / "tags.json") as server, browser(tmp_path / "profile") as b:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        b.open(server.url)
        for key in "123":
            b.press(key)
        b.reload()
        after = b.run(PARETO)
        server.shutdown()

    assert after == ["ambiguous 1", "bad picture 1", "wrong label 1"]


def test_tags_survive_a_reload_as_a_file(tmp_path):
    """Opened as a file, the browser keeps the tags."""
    _, _, text = made(tmp_path, served=False)
    (tmp_path / "mistakes.html").write_text(text, encoding="utf-8")
    with browser(tmp_path / "profile") as b:
        b.open((tmp_path / "mistakes.html").as_uri())
        b.press("4", "ArrowRight", "5")
        b.until("document.querySelector('#status').textContent.startsWith('kept')")
        b.reload()

        assert b.run(PARETO) == ["background 1", "rare kind 1"]
        assert b.run("document.querySelectorAll('#shown img').length") == 1


def test_hostile_names_run_nothing(tmp_path):
    """Twenty payloads as classes, groups, ids and texts: no script runs, no element of theirs appears, all is shown."""
    found = analysed(hostile(tmp_path), tmp_path)
    text = page(found, stored.empty(texts=True), name=PAYLOADS[0], sentence=PAYLOADS[1], served=False)
    (tmp_path / "mistakes.html").write_text(text, encoding="utf-8")
    with browser(tmp_path / "profile") as b:
        b.open((tmp_path / "mistakes.html").as_uri())
        seen = ""
        for _ in found.sample:
            seen += b.run("document.body.innerText")
            b.press("ArrowRight")
        b.press("n", *"<img src=x onerror=pwned=1>", "Enter")

        assert b.run("typeof pwned") == "undefined"
        assert not b.dialogs
        assert b.run("document.querySelectorAll('script').length") == 2
        assert b.run("document.querySelectorAll('svg, iframe, object, img[onerror], a[href^=javascript]').length") == 0
        assert all(p in seen for p in PAYLOADS if "\n" not in p)
