"""``torchladder runs``: what it prints at 80 and 120 columns and as JSON, and what it answers to mistakes."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.runs.writing import end, finding, opened, start, write_run
from torchladder.cli import run_page, runs
from torchladder.cli.main import main
from torchladder.cli.run_page import NOT_A_NUMBER, layer_table, page, shortened, sparkline
from torchladder.cli.run_table import age, table
from torchladder.runs.series import Curve, Layer
from torchladder.runs.summary import Summary

NOW = 1_795_000_000.0
Snapshot = Callable[[str, str], None]


def summary(**more) -> Summary:
    values = {
        "id": "20261118-112320-4711",
        "name": "train",
        "command": ("train.py", "--lr", "0.1"),
        "cwd": "/home/ada/digits",
        "pid": 4711,
        "host": "cassini",
        "started": NOW - 5000,
        "ended": NOW - 800,
        "state": "ended",
        "steps": 120_000,
        "loss": 0.0312,
        "verdict": "loss 2.31 -> 0.0312 over 120,000 steps; nothing alarming was seen",
        "cost": 0.0085,
        "heartbeat": NOW - 800,
    }
    return Summary(**{**values, **more})


RUNS = [
    summary(
        id="20261118-124631-812", name="resnet", state="running", started=NOW - 9, steps=42, verdict=None, cost=None
    ),
    summary(),
    summary(
        id="20261115-070001-99",
        name="a_script_with_a_long_name",
        state="killed",
        started=NOW - 3e5,
        loss=math.nan,
        verdict="TL212 exploding-gradient",
        cost=None,
    ),
]
LAYERS = [
    Layer("conv1", 0.02134, 12.5, 0.001, -0.01, 1.02, 0.51),
    Layer("layer1.0.self_attention_with_a_long_name.query_projection", 1234.5, 0.0, None, math.nan, 1e-7, 1.0),
    Layer("relu", mean=0.5, std=0.7, zeros=0.501),
    *(Layer(f"blocks.{i}.fc", 1.0, 2.0, 1e-5) for i in range(60)),
]


FINDING = {
    "severity": "error",
    "code": "TL404",
    "name": "missing-zero-grad",
    "message": "gradients of 5 steps add up, since nothing sets them to zero between `backward` and the next one",
    "where": [{"path": "train.py", "line": 42}],
    "module": "layer1.0.conv1",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".torchladder" / "runs"


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_list(width: int, snapshot: Snapshot) -> None:
    """A row a run, the verdict below where it does not fit beside."""
    text = table(RUNS, width, now=NOW)

    assert max(map(len, text.splitlines())) <= width
    snapshot(f"runs-list-{width}.txt", text)


@pytest.mark.parametrize("width", [80, 120])
def test_the_page_of_a_run(width: int, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command, curve, alerts, layers."""
    monkeypatch.setattr(run_page, "_blocks", lambda: run_page.BLOCKS)
    monkeypatch.setattr(time, "localtime", time.gmtime)
    values = [2.5 * math.exp(-i / 200) + 0.01 for i in range(1000)] + [math.nan] * 50
    curve = Curve("loss", list(range(1050)), values, whole=True)
    told = [{"step": 100, "finding": FINDING}]
    head = page(summary(), Path(".torchladder/runs/x"), [curve], told, width)
    text = f"{head}\n{layer_table(1000, LAYERS, width, whole=False)}"

    assert max(map(len, text.splitlines())) <= width
    snapshot(f"runs-show-{width}.txt", text)


def test_a_curve_is_drawn_in_its_proportions() -> None:
    """Linear, or by the logarithm over several powers of ten; what is no number is marked."""
    blocks = run_page.BLOCKS

    assert ("▁▃▆█", False) == sparkline([1.0, 2.0, 3.0, 4.0], 10, blocks)
    assert ("█▅▁", True) == sparkline([100.0, 10.0, 1.0], 10, blocks)
    assert ("▁▁", False) == sparkline([2.0, 2.0], 10, blocks)
    assert (NOT_A_NUMBER * 2, False) == sparkline([math.nan, math.inf], 10, blocks)
    assert 10 == len(sparkline([float(i) for i in range(999)], 10, blocks)[0])


def test_a_name_that_is_too_long_keeps_its_numbers_and_its_end() -> None:
    """Layers of a deep model differ in both."""
    assert "encoder.layers.11.self_attention" == shortened("encoder.layers.11.self_attention", 40)
    assert "e.layers.11.self_attention" == shortened("encoder.layers.11.self_attention", 26)
    assert "l1.0.q" == shortened("layer1.0.q", 7)
    assert "e.l.11.self_attention" == shortened("encoder.layers.11.self_attention", 22)
    assert "...tention" == shortened("encoder.layers.11.self_attention", 10)


def test_ages() -> None:
    """In the largest unit."""
    assert ["0s", "59s", "1m", "2h", "3d"] == [age(s) for s in (-5, 59.9, 61, 7300, 3e5)]


def test_list_and_show(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest is shown when no id is given; a part of the id is enough."""
    write_run(here, start("20261101-000000-1", started=1.0), finish=end())
    folder, sinks = opened(here, start("20261102-000000-2", started=2.0, name="second"))
    sinks[0].steps(((0, {"loss": 4.0}),))
    sinks[0].alert(0, finding())
    sinks[0].sample(0, {"gradient/fc.weight": 0.5})

    assert 0 == main(["runs"])
    listed = capsys.readouterr().out
    assert listed.index("20261102-000000-2  second") < listed.index("20261101-000000-1  train")
    assert 0 == main(["runs", "show"])
    shown = capsys.readouterr().out
    assert "first 4, last 4, best 4 at step 0" in shown
    assert "step 0: error[TL404] missing-zero-grad: gradients of 5 steps add up" in shown
    assert ["fc", "0.5"] == shown.splitlines()[-2].split()[:2]
    assert 0 == main(["runs", "show", "20261101"])
    assert "verdict   loss 2 -> 1" in capsys.readouterr().out
    assert folder.exists()


def test_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Strict JSON, for the list and for one run."""
    write_run(here, losses=[3.0, math.nan, *([1.0] * 2000)], finish=end(state="crashed"))

    assert 0 == main(["runs", "list", "--json"])
    (listed,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert ("crashed", 1.0) == (listed["state"], listed["loss"])
    assert 0 == main(["runs", "show", "--json"])
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert ("crashed", [2, 1.0], 3.0) == (
        shown["state"],
        shown["losses"]["loss"]["best"],
        shown["losses"]["loss"]["first"],
    )
    assert len(shown["losses"]["loss"]["points"]) <= runs.POINTS_MAX
    assert 0 == main(["runs", "list", "--json", "--runs", "nowhere"])
    assert [] == json.loads(capsys.readouterr().out)


def test_an_empty_folder_is_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to a first run; nothing is made."""
    assert 0 == main(["runs", "list"])
    assert "no run has been watched here" in capsys.readouterr().out
    assert 2 == main(["runs", "show"])
    assert "torchladder watch SCRIPT records one" in capsys.readouterr().err
    assert not here.parent.exists()


def test_mistakes_are_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown id names the nearest, one that fits several asks for more."""
    write_run(here, start("20261101-000000-1"), finish=end())
    write_run(here, start("20261101-000007-2"), finish=end())

    for words, sentence in {
        ("show", "20261101-000001-1"): "the nearest: 20261101-000000-1",
        ("show", "20261101"): "2 runs match '20261101'",
        ("list", "20261101"): "list takes no id; try: torchladder runs show 20261101",
        ("shw",): "invalid choice: 'shw'",
    }.items():
        assert 2 == main(["runs", *words])
        said = capsys.readouterr()
        assert sentence in said.err
        assert 1 == len(said.err.splitlines())


def test_what_came_from_the_program_cannot_move_the_cursor(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are written out."""
    _, sinks = opened(here, start(name="\x1b[2Jx", command=("a\x1b[31m.py",)))
    sinks[0].steps(((0, {"loss.\x1b[0m": 1.0}),))
    sinks[0].sample(0, {"gradient/\x1b]0;x\x07.weight": 1.0})

    assert 0 == main(["runs", "show"])
    assert 0 == main(["runs", "list"])
    assert "\x1b" not in capsys.readouterr().out


def test_reading_runs_needs_no_torch(here: Path) -> None:
    """Nor does it take long."""
    write_run(here, finish=end())
    for words in (["runs"], ["runs", "show"]):
        code = f"import sys; from torchladder.cli.main import main; main({words!r}); assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_run_as_a_page(tmp_path, monkeypatch, capsys):
    """Its curves; another file is not overwritten, and other verbs know no such option."""
    from torchladder.cli.main import main
    from torchladder.runs.record import begin

    monkeypatch.chdir(tmp_path)
    record = begin("train", config={}, data={}, seed=0, command=["train"], folder=tmp_path / ".torchladder/runs")
    record.steps([(i, {"loss": 1.0 / (i + 1), "lr": 0.1}) for i in range(50)])
    record.end("ended", "done")
    (tmp_path / "mine.html").write_text("mine")

    assert main(["runs", "show", "--html", "run.html"]) == 0
    assert '"title":"loss"' in (tmp_path / "run.html").read_text(encoding="utf-8")
    assert main(["runs", "show", "--html", "mine.html"]) == 2
    assert main(["runs", "list", "--html", "run.html"]) == 2
    assert "--html is for show" in capsys.readouterr().err
