"""A run's folder: plain files of valid JSON, whatever the numbers, and no more than a sentence where it cannot be."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.runs.writing import end, finding, opened, start, write_run
from torchladder.core.sinks import RunStart
from torchladder.monitor.courier import Courier
from torchladder.runs.folder import open_run
from torchladder.runs.lines import Appender, last_rows, rows, spread_rows, value_of

CEILING_US = 25  # about 4 on an idle machine


def strict(file: Path) -> list[dict[str, Any]]:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    return [json.loads(line, parse_constant=refuse) for line in file.read_text().splitlines()]


def test_a_run_is_a_folder_of_plain_files(tmp_path: Path) -> None:
    """Start and end are in run.json, every step is a line."""
    folder = write_run(tmp_path / "runs", finish=end(findings=(finding(),)))

    record = json.loads((folder / "run.json").read_text())
    assert folder == tmp_path / "runs" / "20261122-073002-1"
    assert [(0, 3.0), (1, 2.0), (2, 1.0)] == [(r["step"], r["loss"]) for r in strict(folder / "metrics.jsonl")]
    assert ("ended", 3, 0.008, os.getpid()) == tuple(record[k] for k in ("state", "steps", "cost", "pid"))
    assert ["TL404"] == [f["code"] for f in record["findings"]]
    assert sorted(f.name for f in folder.iterdir()) == ["metrics.jsonl", "run.json"]


def test_numbers_without_a_json_form_survive(tmp_path: Path) -> None:
    """NaN and Inf are strings, and any kind of float is taken."""
    folder, sinks = opened(tmp_path / "runs", start())
    values = {"loss": math.nan, "a": math.inf, "b": -math.inf, "c": np.float32(0.5), "d": 3}
    sinks[0].steps(((0, values),))
    sinks[0].sample(7, {"gradient/a.weight": math.nan, 'odd "name"\n': 1e-300})
    sinks[0].histogram(7, "weight/a", [-1.0, math.inf], np.array([4.0]))

    (row,) = strict(folder / "metrics.jsonl")
    (sample,) = strict(folder / "samples.jsonl")
    (histogram,) = strict(folder / "histograms.jsonl")
    assert ("nan", "inf", "-inf", 0.5, 3.0) == tuple(row[k] for k in ("loss", "a", "b", "c", "d"))
    assert math.isnan(value_of(row["loss"]))
    assert (7, "nan", 1e-300) == (sample["step"], sample["gradient/a.weight"], sample['odd "name"\n'])
    assert ([-1.0, "inf"], [4.0]) == (histogram["edges"], histogram["counts"])


def test_alerts_are_whole_findings(tmp_path: Path) -> None:
    """Nothing of a finding is lost, not even what is no number."""
    folder, sinks = opened(tmp_path / "runs", start())
    sinks[0].alert(12, finding())

    (alert,) = strict(folder / "alerts.jsonl")
    assert (12, "TL404", "train.py") == (
        alert["step"],
        alert["finding"]["code"],
        alert["finding"]["where"][0]["path"],
    )
    assert "nan" == alert["finding"]["seen"][0]["value"]


def test_odd_settings_do_not_stop_a_record(tmp_path: Path) -> None:
    """What has no JSON form is kept as its words."""
    folder, _ = opened(tmp_path / "runs", start(settings={"folder": Path("x"), "steps": {1}, "rate": math.nan}))

    record = json.loads((folder / "run.json").read_text())
    assert {"folder": "x", "steps": [1], "rate": "nan"} == record["settings"]


def test_two_runs_of_one_id_do_not_meet(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    first, second = (write_run(tmp_path / "runs", finish=end()) for _ in range(2))

    assert ["20261122-073002-1", "20261122-073002-1-2"] == [first.name, second.name]
    assert "20261122-073002-1-2" == json.loads((second / "run.json").read_text())["id"]


def test_where_nothing_can_be_written_one_sentence_is_said(tmp_path: Path) -> None:
    """A file in the way of the folder, as good as a folder without permission."""
    (tmp_path / "runs").write_text("")
    said: list[str] = []

    assert (None, []) == open_run(tmp_path / "runs", start(), said.append)
    assert len(said) == 1
    assert said[0].startswith("no record of this run is kept: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_drops_the_record_and_nothing_else(tmp_path: Path) -> None:
    """The sink is dropped with a sentence; later steps cost nothing and raise nothing."""
    folder, sinks = open_run(tmp_path / "runs", start(), pytest.fail)
    assert folder is not None
    (folder / "metrics.jsonl").symlink_to("/dev/full")
    courier = Courier(sinks)
    courier.start(start())
    for step in range(3):
        courier.steps([(step, {"loss": 1.0})])
    courier.end(end())

    (words,) = courier.failures.values()
    assert words.endswith("metrics.jsonl cannot be written: No space left on device")


def test_a_line_that_was_written_in_part_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk filled up in the middle of a line."""
    file = Appender(tmp_path / "a.jsonl")
    monkeypatch.setattr(os, "write", lambda _, data: len(data) - 1)

    with pytest.raises(OSError, match="the disk is full"):
        file.write("abc\n")


def test_a_step_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a kill can tear no line but the one in flight."""
    _, sinks = opened(tmp_path / "runs", start())
    written: list[bytes] = []

    def write(_: int, data: bytes) -> int:
        written.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", write)
    for step in range(3):
        sinks[0].steps(((step, {"loss": 1.0, "lr": 0.1}),))

    assert [0, 1, 2] == [json.loads(line)["step"] for line in written]


def test_a_step_costs_next_to_nothing(tmp_path: Path) -> None:
    """A few microseconds of this thread; the ceiling leaves room for a busy machine."""
    _, sinks = opened(tmp_path / "runs", start())
    folder, took = sinks[0], []
    for _ in range(10):
        began = time.thread_time()
        for step in range(2000):
            folder.steps(((step, {"loss": 2.3026 - step / 3e4, "lr": 1e-3}),))
        took.append((time.thread_time() - began) / 2000 * 1e6)

    assert min(took) < CEILING_US


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    """What a kill left of a line does not hide the others."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"step":0}\n{"step":1}\n{"st')

    assert [{"step": 0}, {"step": 1}] == list(rows(file)) == last_rows(file, 5)
    assert [{"step": 1}] == last_rows(file, 1)
    assert [] == list(rows(tmp_path / "none")) == last_rows(tmp_path / "none", 1)


def test_the_end_and_the_course_of_a_long_file_are_read_without_the_rest(tmp_path: Path) -> None:
    """The last lines are exact; the spread ones run from the first to the last."""
    file = tmp_path / "a.jsonl"
    file.write_text("".join(f'{{"step":{i},"loss":{i}.5}}\n' for i in range(20_000)))

    assert list(range(15_000, 20_000)) == [r["step"] for r in last_rows(file, 5000)]
    spread = [r["step"] for r in spread_rows(file, 100)]
    assert (0, 19_999) == (spread[0], spread[-1])
    assert 90 <= len(spread) <= 101
    assert spread == sorted(set(spread))


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("train.py --lr 0.1 --key-dim 64", "train.py --lr 0.1 --key-dim 64"),
        ("train.py --api-key abc --lr 1", "train.py --api-key *** --lr 1"),
        ("train.py --wandb_api_key=abc", "train.py --wandb_api_key=***"),
        ("train.py --hf-token abc", "train.py --hf-token ***"),
        ("train.py PASSWORD=x", "train.py PASSWORD=***"),
        ("train.py --data s3://u:p@host/x", "train.py --data s3://***@host/x"),
        ("train.py --tokens 512 --tokenizer gpt2", "train.py --tokens 512 --tokenizer gpt2"),
        ("train.py --token --lr 1", "train.py --token --lr 1"),
    ],
)
def test_a_command_is_kept_without_its_secrets(tmp_path: Path, command: str, kept: str) -> None:
    """Values of options that name a secret are masked, and no others."""
    run: RunStart = start(command=tuple(command.split()))
    folder, _ = opened(tmp_path / "runs", run)

    assert kept == " ".join(json.loads((folder / "run.json").read_text())["command"])
