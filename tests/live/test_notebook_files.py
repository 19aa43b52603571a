"""A notebook file climbs like a script; what is found has its cell and its line."""

import json
from pathlib import Path

import pytest

import torchladder
from torchladder.core.report import Report
from torchladder.report.json import dumps, loads
from torchladder.report.terminal import render

CELLS = [
    "# the usual beginning\n%matplotlib inline\n%load_ext autoreload\n!pip list | head -3\n%env SHUFFLE=1",
    """
import asyncio, os
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
display(pixels[:2])
plt.imshow(pixels[0].view(8, 8))
plt.show()
get_ipython().run_line_magic("precision", "3")
""",
    """%%time
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 128)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.hidden(x))
        return self.out(x)  # the logits
""",
    """
await asyncio.sleep(0.01)
torch.manual_seed(int(os.environ["SHUFFLE"]))
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
losses = []
for epoch in range(10):
    order = torch.randperm(len(pixels))
    for rows in order.split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(pixels[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
plt.plot(losses)
plt.savefig("losses.png")
""",
]


def climbed(folder: Path, cells: list[str], monkeypatch: pytest.MonkeyPatch) -> Report:
    """Write the cells as a notebook, between prose, and climb it."""
    monkeypatch.chdir(folder)
    blocks: list[dict[str, object]] = [{"cell_type": "markdown", "source": "# Digits", "metadata": {}}]
    blocks += [
        {"cell_type": "code", "source": cell.splitlines(keepends=True), "metadata": {}, "outputs": []} for cell in cells
    ]
    document = {"cells": blocks, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "digits.ipynb").write_text(json.dumps(document))
    return torchladder.climb("digits.ipynb", to=3, budget=60)


@pytest.mark.slow
def test_a_healthy_notebook_is_healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Magics, shell lines, plots, display and top-level await are no obstacle; nothing is left behind."""
    report = climbed(tmp_path, CELLS, monkeypatch)

    assert (report.verdict, report.findings) == ("healthy", ()), str(report)
    assert [p.name for p in tmp_path.iterdir()] == ["digits.ipynb"]
    assert report.next == "jupyter execute digits.ipynb" or "jupyter execute digits.ipynb" in str(report)


@pytest.mark.slow
def test_a_planted_bug_is_shown_in_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell's number, the line in it, and the line as it was written; in JSON too."""
    cells = [c.replace("return self.out(x)", "return F.softmax(self.out(x), dim=1)") for c in CELLS]
    report = climbed(tmp_path, cells, monkeypatch)

    assert report.cause is not None
    first, second = report.cause.where[:2]
    assert (report.cause.code, str(first), first.function) == ("TL201", "digits.ipynb cell 3:10", "Net.forward")
    assert str(second) == "digits.ipynb cell 4:11"
    page = render(report, width=100)
    assert "--> digits.ipynb cell 3:10 in Net.forward" in page
    assert "10 |         return F.softmax(self.out(x), dim=1)  # the logits" in page
    assert "^" * len("F.softmax(self.out(x), dim=1)") in page
    read = loads(dumps(report))
    assert read.cause is not None
    assert read.cause.where[0].path == "digits.ipynb cell 3"


def test_a_question_is_named_as_the_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to answer it."""
    report = climbed(tmp_path, ["name = input('Which run? ')", *CELLS[1:]], monkeypatch)

    assert report.exit_status == 3
    assert report.sentence == "the program reads standard input, which is closed during a climb"
    assert report.error is not None
    assert 'digits.ipynb cell 1", line 1' in report.error["traceback"]


def test_what_later_cells_rely_on_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """%cd, %env and %run act; other magics are passed over."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "names.py").write_text("answer = 42\n")
    cells = [
        "%cd parts",
        "%env MODE=test\n%run names.py",
        "import os\nassert (answer, os.environ['MODE']) == (42, 'test')",
    ]
    report = climbed(tmp_path, cells, monkeypatch)

    assert report.sentence == "the program ended without a backward pass: nothing was trained"
