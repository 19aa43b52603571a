"""A watched run's report: of the same type as a climb's, written however the run ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from torchladder.core.report import Report, State
from torchladder.report.json import load

PROGRAM = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 8)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(int(sys.argv[2])):
    i = torch.randint(0, 256, (32,))
    loss = nn.functional.cross_entropy(net(x[i]), y[i])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step == 60 and sys.argv[1] == "nan":
        net[0].weight.data[0, 0] = float("nan")
    if step == 60 and sys.argv[1] == "crash":
        raise ValueError("no more data")
    if step == 60 and sys.argv[1] == "leave":
        sys.exit(3)
    if step == 60 and sys.argv[1] == "interrupt":
        raise KeyboardInterrupt
"""


def watched(folder: Path, *words: str, options: tuple[str, ...] = ("--json", "report.json")) -> tuple[int, str]:
    """Watch the program; return its exit status and what was said on standard error."""
    (folder / "train.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "torchladder", "watch", *options, "train.py", *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("words", "status", "verdict", "state", "sentence"),
    [
        (("well", "100"), 0, "healthy", State.PASSED, "nothing alarming was seen"),
        (("well", "5"), 0, "undecided", State.UNKNOWN, "nothing alarming was seen"),
        (("well", "0"), 0, "undecided", State.UNKNOWN, "no optimizer step was seen"),
        (("nan", "100"), 0, "broken", State.FAILED, "TL604 diverged"),
        (("crash", "100"), 1, "undecided", State.UNKNOWN, "the program failed by itself: ValueError: no more data"),
        (("leave", "100"), 3, "undecided", State.UNKNOWN, "SystemExit: 3"),
        (("interrupt", "100"), 130, "undecided", State.UNKNOWN, "nothing alarming was seen"),
    ],
)
def test_the_report_of_a_run(
    words: tuple[str, ...], status: int, verdict: str, state: State, sentence: str, tmp_path: Path
) -> None:
    """Verdict, sentence and the rung of the full run; the exit status is the program's own."""
    assert watched(tmp_path, *words)[0] == status
    report = load(tmp_path / "report.json")
    (rung,) = report.rungs

    assert (verdict, 6, state, status) == (report.verdict, rung.rung, rung.state, report.exit_status)
    assert sentence in report.sentence
    assert {"python", "torch"} <= report.environment.keys()
    assert (report.cause is None) == (verdict != "broken")
    assert (report.error or {}).get("type") == {"crash": "ValueError", "leave": "SystemExit"}.get(words[0])


def test_the_figures_and_the_keys_of_a_report(tmp_path: Path) -> None:
    """Whatever reads a climb's report reads this one; rules that looked are told from those that could not."""
    watched(tmp_path, "nan", "100")
    data = json.loads((tmp_path / "report.json").read_text())
    (rung,) = data["rungs"]

    assert list(data) == list(Report.__dataclass_fields__)
    assert data["cause"] == data["findings"][0]
    assert data["cause"]["seen"]
    assert rung["summary"] == "100 steps: diverged: the training loss is no number from step 61 on"
    assert (rung["facts"]["state"], rung["facts"]["steps"], rung["facts"]["whole"]) == ("diverged", 100, True)
    assert Path(rung["facts"]["record"]).is_dir()
    assert "TL209" in rung["clear"]
    assert not {"TL604"} & {*rung["clear"], *rung["unknown"]}
    assert not {"TL701"} & {*rung["clear"], *rung["unknown"]}


def test_a_stored_report_is_shown(tmp_path: Path) -> None:
    """By the verb for stored reports."""
    watched(tmp_path, "nan", "100")
    command = [sys.executable, "-m", "torchladder", "report", "report.json"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert "6 full run" in shown
    assert "warning[TL604] diverged" in shown


def test_nothing_but_a_report_is_overwritten(tmp_path: Path) -> None:
    """Found out before the program runs; with --force it is replaced."""
    (tmp_path / "notes.txt").write_text("mine")

    status, said = watched(tmp_path, "well", "5", options=("--json", "notes.txt"))
    assert (status, (tmp_path / "notes.txt").read_text()) == (2, "mine")
    assert "--force overwrites it" in said
    assert watched(tmp_path, "well", "5", options=("--force", "--json", "notes.txt"))[0] == 0
    assert load(tmp_path / "notes.txt").verdict == "undecided"


def test_a_file_that_the_program_writes_there_is_kept(tmp_path: Path) -> None:
    """The report is left out, with a sentence; the program's status stands."""
    (tmp_path / "train.py").write_text("from pathlib import Path\nPath('out.json').write_text('{}')\n")
    done = subprocess.run(
        [sys.executable, "-m", "torchladder", "watch", "--json", "out.json", "train.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, (tmp_path / "out.json").read_text()) == (0, "{}")
    assert "out.json exists and is not a torchladder report" in done.stderr


@pytest.mark.parametrize("words", [("well", "100"), ("nan", "100"), ("crash", "100")])
def test_the_page_of_a_run_has_its_curves_and_layers(tmp_path: Path, words: tuple[str, str]) -> None:
    """However the run ends: its loss, and the layers by step."""
    watched(tmp_path, *words, options=("--html", "run.html"))
    page = (tmp_path / "run.html").read_text(encoding="utf-8")

    assert '"title":"loss"' in page
    assert "norm of the gradient, by layer" in page
    assert "train.py" in page


def test_a_page_that_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    """The program is not even begun."""
    (tmp_path / "run.html").write_text("mine")
    status, said = watched(tmp_path, "well", "10", options=("--html", "run.html"))

    assert status == 2
    assert "--force" in said
    assert (tmp_path / "run.html").read_text() == "mine"
