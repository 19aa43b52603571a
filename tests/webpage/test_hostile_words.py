"""Twenty payloads brought in the way users bring words in: names of files, columns, classes, runs, recipe values, logs.

Pages are made by the verbs themselves, then opened, clicked, hovered over and zoomed in a browser.
"""

import contextlib
import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import browser, executable, loaded
from tests.webpage.test_page import CHART, MAP, PAYLOADS, a_broken_one, with_words
from torchladder.cli.main import main
from torchladder.cli.runs_compare_page import report_of
from torchladder.core.report import RungResult, State
from torchladder.runs.compare import Comparison, MetricRow
from torchladder.runs.layer_diff import LayerDifference
from torchladder.runs.metrics import Metric
from torchladder.runs.noise import noise_verdict
from torchladder.runs.summary import Summary
from torchladder.webpage import page

pytestmark = pytest.mark.skipif(
    executable() is None, reason="no Chromium on the path, nor named by TORCHLADDER_CHROMIUM"
)
STEPS = 40
OWNED = "document.title === 'owned' || document.title === '1' || 'pwned' in window"
IN_A_TABLE = [
    p for p in PAYLOADS if not set(p) & set("\0\u2028;,")
]  # others end a line or a cell before a page is made
FILE_NAME = "<img src=x onerror=document.title='owned'>.csv"  # a file's name has no slash


def a_run(name: str, command: tuple[str, ...]) -> Summary:
    """Return a run of any name."""
    return Summary(
        id=name, name=name, command=command, cwd=name, pid=1, host=name, started=0.0, ended=1.0, state="ended",
        steps=STEPS, loss=1.0, verdict=name, cost=0.01, heartbeat=1.0,
    )  # fmt: skip


def a_comparison() -> Comparison:
    """Return two runs that differ in the values of a recipe, each of which is a payload, as is every name."""
    values = [1.0 / (i + 1) for i in range(STEPS)]
    metrics = tuple(
        MetricRow(
            word,
            (Metric(word, list(range(STEPS)), values, values[-1], None, None),) * 2,
            (noise_verdict([1.0], [2.0]),),
        )
        for word in PAYLOADS
    )
    rows = tuple((word, word, word) for word in PAYLOADS)
    layers = (LayerDifference("config", same=False, words=PAYLOADS[0], rows=rows),)
    return Comparison((a_run(PAYLOADS[0], PAYLOADS), a_run(PAYLOADS[2], PAYLOADS)), layers, metrics)


def an_ablation():
    """Return the report of an ablation whose changes are payloads."""
    cells = {"value": PAYLOADS[0], "difference": PAYLOADS[1], "seeds": "1", "time": PAYLOADS[2]}
    row = {"kind": "change", "verdict": "helps", "p_holm": 0.1, "cells": cells}
    table = [row | {"name": word, "words": word} for word in PAYLOADS]
    facts = {"table": table, "metric": PAYLOADS[0], "held_out": 3, "lower_is_better": False}
    rung = RungResult(6, "ablation", State.PASSED, PAYLOADS[0], 1.0, facts, notes=PAYLOADS)
    return dataclasses.replace(a_broken_one(), cause=None, findings=(), rungs=(rung,), verdict="healthy")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Iterator[list[Path]]:
    """Give a page of each way in."""
    folder = tmp_path_factory.mktemp("hostile")
    with contextlib.chdir(folder):  # where the records of the verbs go
        yield made_in(folder)


def made_in(folder: Path) -> list[Path]:
    """Return the pages after the verbs have made them."""
    log, data = folder / f"log {FILE_NAME}", folder / FILE_NAME
    with log.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["epoch", "train_loss", "val_loss", *(f"{word} loss" for word in IN_A_TABLE)])
        write.writerows([e, 2 / (e + 1), 2.1 / (e + 1), *(1 / (e + 1) for _ in IN_A_TABLE)] for e in range(STEPS))
    with data.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow([*IN_A_TABLE, "label"])
        rows = range(120)
        write.writerows([*(i * k % 17 for k in range(len(IN_A_TABLE))), IN_A_TABLE[i % len(IN_A_TABLE)]] for i in rows)
    made = [folder / f"{name}.html" for name in ("diagnose", "data", "compare", "ablation", "report")]
    assert main(["diagnose", "-q", "--html", str(made[0]), str(log)]) in {0, 1, 5}
    assert main(["data", "check", "-q", "--label", "label", "--html", str(made[1]), str(data)]) in {0, 1, 5}
    page.write(report_of(a_comparison()), made[2])
    page.write(an_ablation(), made[3])
    charts = tuple(dataclasses.replace(CHART, title=word, x=word, y=word) for word in PAYLOADS[:4])
    hostile = dataclasses.replace(with_words(a_broken_one(), " ".join(PAYLOADS)), charts=charts, maps=(MAP,))
    docstring = [f'"""{word}"""' for word in PAYLOADS]
    page.write(hostile, made[4], read=lambda _: docstring)
    return made


@pytest.mark.slow
def test_a_browser_says_nothing(pages):
    """No word on the console of any of them, and what the payloads would write is not there."""
    assert all(file.is_file() for file in pages)
    for file in pages:
        text, said = loaded(file)
        assert said == [], file.name
        assert "<title>owned</title>" not in text


@pytest.mark.slow
def test_nothing_runs_whatever_is_done(pages, tmp_path):
    """Everything is unfolded, clicked, hovered over and zoomed; the browser asks nothing and fetches nothing."""
    with browser(tmp_path) as b:
        b.size(1200, 900)
        for file in pages:
            b.open(f"file://{file}")
            b.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            for kind in ("mouseover", "mousemove", "focus", "click"):
                b.run(
                    "document.querySelectorAll('main *').forEach((e) =>"
                    f" e.dispatchEvent(new MouseEvent('{kind}', {{bubbles: true, cancelable: true}})))"
                )
            b.run("document.querySelector('figure.chart .plot')?.focus()")
            b.press("+", "ArrowRight", "0")
            asked = b.run("performance.getEntriesByType('resource').map((e) => e.name)")
            assert asked == [], file.name
            assert b.run(OWNED) is False, file.name
            assert json.dumps(b.dialogs) == "[]"
            assert b.run("getComputedStyle(document.body).display") == "block"
