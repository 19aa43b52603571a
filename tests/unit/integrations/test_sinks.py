"""What the words of --to lead to, and JSON lines."""

import importlib.util
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runs.writing import end, finding, start
from torchladder.core.errors import UsageError
from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart
from torchladder.integrations import sinks
from torchladder.integrations.jsonl import JsonLines
from torchladder.integrations.outside import deliver
from torchladder.integrations.pace import BURST, RATE, Pace


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_words_name_sinks(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a folder, a project, an experiment or a file behind the colon; nothing is written yet."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None, origin="there"))
    made: list[Any] = [*sinks(["tensorboard:logs", "tensorboard", "wandb:p", "mlflow", "jsonl:a"])]
    board, own_board, wandb, mlflow, lines = made

    assert (here / "logs", here / ".torchladder" / "tensorboard") == (board.folder, own_board.folder)
    assert ("p", None, here / "a") == (wandb.project, mlflow.experiment, lines.path)
    assert [] == list(here.iterdir())


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("tensorbord", "'tensorbord' is not a place a run can go to; there are: tensorboard"),
        ("jsonl", "jsonl needs a file: jsonl:FILE"),
        ("jsonl:.", "jsonl needs a file: jsonl:FILE"),
        ("jsonl:no/such/file", "no/such does not exist"),
        ("tensorboard:file", "file is not a folder"),
    ],
)
def test_a_wrong_word_is_one_sentence(here: Path, word: str, sentence: str) -> None:
    """It names the way out."""
    pytest.importorskip("tensorboard")
    (here / "file").write_text("")

    with pytest.raises(UsageError, match=sentence):
        sinks([word])


@pytest.mark.parametrize("package", ["tensorboard", "wandb", "mlflow"])
def test_a_missing_package_is_named_with_its_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that a tracker has left does not pass for it."""
    for found in (None, ModuleSpec(package, None, is_package=True)):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, found=found: found)

        with pytest.raises(
            UsageError, match=rf"{package} is not installed; try: pip install 'torchladder\[{package}\]'"
        ):
            sinks([package])


def write(path: Path) -> None:
    sink = JsonLines(path)
    sink.started(start(command=("train.py", "--token", "abc")))
    sink.steps([(0, {"loss": 1.0}), (1, {"loss": math.nan})])
    sink.sample(1, {"gradient/fc": math.inf})
    sink.histogram(1, "weight/fc", [0.0, 1.0], [3.0])
    sink.alert(1, finding())
    sink.ended(end(findings=(finding(),)))


def test_json_lines_are_strict_and_whole(tmp_path: Path) -> None:
    """Every event is a line; secrets of the command line are not in them."""
    write(tmp_path / "a.jsonl")
    rows = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "a.jsonl").read_text().splitlines()]

    assert ["start", "step", "step", "sample", "histogram", "alert", "end"] == [row["event"] for row in rows]
    assert ["train.py", "--token", "***"] == rows[0]["command"]
    assert (1, "nan", "inf") == (rows[2]["step"], rows[2]["loss"], rows[3]["gradient/fc"])
    assert "TL404" == rows[5]["finding"]["code"] == rows[6]["findings"][0]["code"]


def test_a_second_run_is_appended(tmp_path: Path) -> None:
    """After what a kill has left of the first."""
    file = tmp_path / "a.jsonl"
    file.write_text('{"event": "start"}\n{"eve')
    write(file)

    assert '{"eve' == file.read_text().splitlines()[1]
    assert "start" == json.loads(file.read_text().splitlines()[2])["event"]


class Noting:
    """A sink that notes what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def started(self, run: RunStart) -> None:
        """Note it."""
        self.seen.append(("start", run))

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Note them."""
        self.seen.append(("steps", *rows))

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Note it."""
        self.seen.append(("sample", step, values))

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Note it."""
        self.seen.append(("histogram", step, name, edges, counts))

    def alert(self, step: int, finding: Finding) -> None:
        """Note it."""
        self.seen.append(("alert", step, finding))

    def ended(self, end: RunEnd) -> None:
        """Note it."""
        self.seen.append(("end", end))


def test_lines_lead_back_to_what_was_written(tmp_path: Path) -> None:
    """A sink in another process is told the same."""
    write(tmp_path / "a.jsonl")
    sink = Noting()
    deliver((tmp_path / "a.jsonl").read_bytes().splitlines(), sink)

    (_, run), *rest, (_, last) = sink.seen
    assert ("20261122-073002-1", ("train.py", "--token", "***")) == (run.id, run.command)
    assert ("steps", (0, {"loss": 1.0})) == rest[0]
    assert math.isnan(rest[1][1][1]["loss"])
    assert [("sample", 1, {"gradient/fc": math.inf}), ("histogram", 1, "weight/fc", [0.0, 1.0], [3.0])] == rest[2:4]
    assert ("alert", 1, "TL404", "train.py") == (*rest[4][:2], rest[4][2].code, rest[4][2].where[0].path)
    assert end().verdict == last.verdict


def test_lines_that_stop_without_an_end_are_of_a_run_that_was_killed(tmp_path: Path) -> None:
    """Its tracker's run is closed all the same."""
    write(tmp_path / "a.jsonl")
    sink = Noting()
    deliver([*(tmp_path / "a.jsonl").read_bytes().splitlines()[:-1], b'{"event":"st'], sink)

    _, last = sink.seen[-1]
    assert ("killed", 2) == (last.state, last.steps)


def test_a_fast_run_is_thinned_out_evenly() -> None:
    """No more rows a second pass than are paid for, at even distances; what is no number always passes."""
    now = [0.0]
    pace = Pace(lambda: now[0])
    passed: list[int] = []
    for step in range(100_000):
        now[0] += 0.001
        passed += [step for step, _ in pace.thin([(step, {"loss": 1.0})])]

    gaps = [b - a for a, b in itertools.pairwise(passed)]
    assert 0.9 * 100 * RATE <= len(passed) <= 100 * RATE + BURST
    assert max(gaps) <= 2 * 1000 / RATE
    assert 1 == len(pace.thin([(1, {"loss": math.nan})]))
    assert 1 == len(pace.thin([(1, {"loss": 1.0, "lr": math.inf})]))


def test_rows_that_come_at_once_are_thinned_out_over_their_whole_length() -> None:
    """The first of them pass whole, and the last is not lost."""
    pace = Pace(lambda: 0.0)
    passed = [step for step, _ in pace.thin([(step, {"loss": 1.0}) for step in range(5000)])]
    ((last, _),) = pace.rest()

    assert list(range(500)) == passed[:500]
    assert passed[-1] > 3500
    assert len(passed) <= BURST
    assert 4999 == last
    assert [] == Pace().rest()


def test_a_slow_run_passes_whole() -> None:
    """Ten steps a second are no burden."""
    now = [0.0]
    pace = Pace(lambda: now[0])
    for step in range(20_000):
        now[0] += 0.1
        assert 1 == len(pace.thin([(step, {"loss": 1.0})]))
