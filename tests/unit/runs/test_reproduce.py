"""A run made a second time: equal, or the first step that differs; and what it says where it cannot be made."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runs.test_compare import LAYERS, made
from tests.unit.runs.writing import opened, start
from torchladder.cli.main import main
from torchladder.runs.index import runs_in
from torchladder.runs.provenance import provenance_of

# A "training" that needs no torch: its loss is drawn, and from step PART on not by the seed.
PROGRAM = """
import os, random, sys
from pathlib import Path
from typing import Any
from torchladder.runs.record import begin
seed, part = int(sys.argv[1]), int(sys.argv[2])
if len(sys.argv) > 3:
    sys.exit(7)
made = begin("script", config={"part": part}, data={}, seed=seed, command=sys.argv, folder=Path("runs"))
draw = random.Random(seed)
for step in range(9):
    if step == part:
        draw.seed()
    made.steps([(step, {"loss": draw.random(), "lr": 0.1})])
print("trained with", os.environ.get("OMP_NUM_THREADS"))
made.end("ended", "fine")
"""


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes the first run."""
    (tmp_path / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def make(seed: int, part: int) -> str:
        subprocess.run([sys.executable, "train.py", str(seed), str(part)], check=True, capture_output=True)
        return runs_in(tmp_path / "runs")[0].id

    return make


def test_a_second_run_is_the_same_bit_for_bit(first, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Status 0; the new run lies beside the first and says whose second try it is."""
    run = first(5, 99)

    assert main(["runs", "reproduce", run, "--runs", "runs"]) == 0

    told = capfd.readouterr()
    assert "bit for bit the same over 9 steps" in told.out
    assert "9 losses, 9 learning rates" in told.out
    assert "trained with 1" in told.err  # what the program prints does not mix with the report
    newest = runs_in(tmp_path / "runs")[0]
    assert newest.id != run
    assert provenance_of(tmp_path / "runs" / newest.id).reproduces == run


def test_the_first_step_that_differs_is_named(first, capfd: pytest.CaptureFixture[str]) -> None:
    """Status 1, the step at which the seed no longer rules, and both values."""
    run = first(5, 4)

    assert main(["runs", "reproduce", run, "--runs", "runs", "--json"]) == 1

    told = json.loads(capfd.readouterr().out)
    assert (told["divergence"]["step"], told["divergence"]["what"]) == (4, "loss")
    assert told["first"]["id"] == run
    assert {layer["layer"]: layer["same"] for layer in told["layers"]}["code"]


def test_changed_code_is_told_before_and_after(first, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The program is run as it is now, and that is said."""
    run = first(5, 99)
    (tmp_path / "train.py").write_text(PROGRAM.replace("draw.random()", "draw.random() + (step == 6)"))

    assert main(["runs", "reproduce", run, "--runs", "runs"]) == 1

    told = capfd.readouterr()
    assert "the code is not what it was: train.py; it is run as it is now" in told.err
    assert "the first difference is at step 6: loss" in told.out
    assert "! code         1 source file differs" in told.out


def test_variables_that_change_results_are_as_they_were(
    first, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever they are in the shell of today."""
    run = first(5, 99)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")

    assert main(["runs", "reproduce", run, "--runs", "runs"]) == 0
    assert "trained with 1" in capfd.readouterr().err


def test_a_program_that_fails_at_once_is_said(first, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Status 3, in one sentence, with the program's own status."""
    run = first(5, 99)
    path = tmp_path / "runs" / run / "provenance.json"
    row = json.loads(path.read_text())
    row["command"].append("fail")
    path.write_text(json.dumps(row))

    assert main(["runs", "reproduce", run, "--runs", "runs"]) == 3
    assert "ended with status 7 before it recorded anything: train.py 5 99 fail" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"command": ("train", "--token=***")}, "was given a secret"),
        ({"config": {"api_key": "***"}}, "was given a secret"),
        ({"kind": "script", "command": ()}, "no command that makes it again"),
        ({"kind": "script", "command": ("-m", "ipykernel_launcher", "-f", "x")}, "no command that makes it again"),
        ({"cwd": "/no/such/folder"}, "ran in /no/such/folder, which is no folder here"),
    ],
)
def test_what_cannot_be_made_again_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], sentence: str
) -> None:
    """One sentence, status 2, and nothing is run."""
    made(tmp_path, 1, replace(LAYERS, **change))

    assert main(["runs", "reproduce", "--runs", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_running_run_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two writers of the same outputs would harm each other."""
    folder, _ = opened(tmp_path, start())
    LAYERS.write(folder)

    assert main(["runs", "reproduce", "--runs", str(tmp_path)]) == 2
    assert "is still running" in capsys.readouterr().err


WATCHED = """
import sys, torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x = torch.randn(32, 8)
for step in range(30):
    if step == int(sys.argv[1]):
        torch.seed()  # from here on dropout is another one every time
    optimizer.zero_grad()
    loss = (model(x) - 1).square().mean()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "status", "words"),
    [(99, 0, "bit for bit the same over 30 steps"), (17, 1, "the first difference is at step 17: loss")],
)
def test_a_watched_script_is_made_again(tmp_path: Path, part: int, status: int, words: str) -> None:
    """`watch` records enough: equal with its seed, and the step from which dropout is not seeded."""
    (tmp_path / "train.py").write_text(WATCHED)
    command = [sys.executable, "-m", "torchladder"]
    watched = [*command, "watch", "-q", "train.py", str(part)]
    subprocess.run(watched, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([*command, "runs", "reproduce"], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert (done.returncode, words in done.stdout) == (status, True), done.stdout + done.stderr
    assert "30 losses" in done.stdout or part == 17
    assert ("parameters at the end" in done.stdout) == (status == 0)
