"""``torchladder data check`` from the outside: what it prints, writes and returns, and how it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from torchladder.cli.main import main
from torchladder.report import json as report_json
from torchladder.report.terminal import render

SPECIMENS = Path(__file__).parents[2] / "src" / "torchladder" / "specimens"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def digits(here: Path) -> Path:
    d = load_digits()
    order = np.random.default_rng(0).permutation(len(d.target))
    x, y = d.images[order].astype(np.float32) / 16, d.target[order]
    np.savez("digits.npz", x_train=x[:1400], y_train=y[:1400], x_test=x[1400:], y_test=y[1400:])
    return here / "digits.npz"


def test_clean_digits_give_no_error_or_warning(digits: Path, capsys) -> None:
    """A table of the sides, a line a check, a healthy verdict, status 0."""
    status = main(["data", "check", "digits.npz", "--json", "r.json"])
    out = capsys.readouterr().out
    report = report_json.load("r.json")

    assert status == 0
    assert report.verdict == "healthy"
    assert "1,400  8 x 8  float32  10 classes, 1.2 : 1" in out
    assert "unreadable samples" in out
    checks = report.rungs[0].facts["checks"]
    assert len(checks) >= 10
    assert all(c["value"] is not None or c["unknown"] for c in checks)
    assert not [c for c in checks if c["state"] == "failed"]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(digits: Path, width: int) -> None:
    """At 80 and 120 columns, long names too."""
    long = f"{'a' * 90}.npz"
    digits.rename(long)
    main(["data", "check", long, "-q", "--json", "r.json"])
    page = render(report_json.load("r.json"), width=width)

    assert max(map(len, page.splitlines())) <= width
    assert "..." in page


def test_a_stored_report_is_shown_again(digits: Path, capsys) -> None:
    """Record once, print in any way."""
    main(["data", "check", "digits.npz", "--json", "r.json"])
    first = capsys.readouterr().out
    main(["report", "r.json"])

    assert capsys.readouterr().out == first


def test_a_bad_row_is_a_warning_and_fail_on_decides_the_status(here: Path, capsys) -> None:
    """Named, counted, never fatal."""
    iris = load_iris(as_frame=True).frame.sample(frac=1, random_state=0)
    lines = iris.to_csv(index=False).splitlines()
    lines[40] = "1,2"
    Path("iris.csv").write_text("\n".join(lines))

    assert main(["data", "check", "iris.csv"]) == 0
    assert "warning[TL125] unreadable-samples: 1 sample of iris.csv has the wrong number of" in capsys.readouterr().out
    assert main(["data", "check", "iris.csv", "--fail-on", "warning", "-q"]) == 1
    assert main(["data", "check", "iris.csv", "--fail-on", "warning", "-q", "--ignore", "TL125"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the data to check"),
        (["nothing.csv"], "there is no file or folder nothing.csv"),
        (["empty"], "empty is an empty folder"),
        (["x.docx"], "is no kind of data that is known"),
        (["t.csv", "--label", "nope"], "has no column 'nope'"),
        (["t.csv", "--from", "train.py"], "no sets beside it"),
        (["t.csv", "--sample", "0"], "not a number above zero"),
        (["--from", "train.py"], "no such file: train.py"),
    ],
)
def test_bad_input_is_one_sentence(here: Path, capsys, words: list[str], said: str) -> None:
    """Status 2, no traceback."""
    Path("empty").mkdir()
    Path("x.docx").write_text("x")
    Path("t.csv").write_text("a,label\n1,2\n")

    assert main(["data", "check", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_nothing_that_can_be_read_is_undecided(here: Path) -> None:
    """Files by their names, none of them a picture: an error, since all of it is lost."""
    Path("d/cat").mkdir(parents=True)
    Path("d/cat/a.png").write_bytes(b"no picture")

    assert main(["data", "check", "d", "-q", "--json", "r.json"]) == 1
    report = json.loads(Path("r.json").read_text())
    assert report["verdict"] == "broken"
    assert report["findings"][0]["code"] == "TL125"


SLOW = """
import os, time
import numpy as np

class Slow:
    def __len__(self):
        return 40_000

    def __getitem__(self, i):
        if i in (0, 39_999):
            with open("log.txt", "a") as file:
                file.write(f"{i}\\n")
        while i >= 33_000 and not os.path.exists("go"):
            time.sleep(0.01)
        return np.float32([i, i % 7]), i % 2

slow = Slow()
"""


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(here: Path) -> None:
    """130 and a sentence; the second run does not read the first shards again."""
    Path("data.py").write_text(SLOW)
    command = [sys.executable, "-m", "torchladder", "data", "check", "data.py:slow", "--json", "r.json"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
    until = time.monotonic() + 60
    while len([*here.glob(".torchladder/data/*/*.state")]) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=30)

    assert first.returncode == 130
    assert "2 of 3 shards are done and kept" in err
    Path("log.txt").unlink()
    Path("go").touch()
    second = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert second.returncode in {0, 1}, second.stderr
    assert Path("log.txt").read_text().split().count("0") <= 2  # looked at when it is opened, not read again
    assert json.loads(Path("r.json").read_text())["rungs"][0]["facts"]["sides"][0]["read"] == 40_000
    assert not [*here.glob(".torchladder/data/*")]


@pytest.mark.slow
def test_the_sets_of_a_program(here: Path, capsys) -> None:
    """Training and held-out samples after its transforms, by the line that made them."""
    Path("train.py").write_text((SPECIMENS / "digits_cnn.py").read_text())
    status = main(["data", "check", "--json", "r.json", "--from", "train.py"])
    out = capsys.readouterr().out

    assert status == 0
    assert "training, train.py:" in out
    assert "held out, train.py:" in out
    assert "1,400  1 x 8 x 8  float32  10 classes" in out


@pytest.mark.slow
def test_a_program_that_fails_is_the_programs_failure(here: Path, capsys) -> None:
    """Status 3 and its own exception."""
    Path("train.py").write_text("import torch\nraise ValueError('no data here')\n")

    assert main(["data", "check", "--from", "train.py"]) == 3
    assert "train.py failed before its data was seen: ValueError: no data here" in capsys.readouterr().err


def test_predictions_show_that_answers_changed(here: Path, capsys) -> None:
    """Held-out labels follow another rule: the line says how much, the finding what became of which prediction."""
    rng = np.random.default_rng(0)
    for name, n, moved in (("train", 700, 0), ("val", 300, 1)):
        x = rng.normal(size=(n, 4))
        y = np.digitize(x[:, 0] + 0.1 * rng.normal(size=n), [-0.5, 0.5])
        said = np.digitize(x[:, 0], [-0.5, 0.5])
        rows = [
            ",".join([*(f"{v:.4f}" for v in r), str((c + moved) % 3), str(p)])
            for r, c, p in zip(x, y, said, strict=True)
        ]
        Path(f"{name}.csv").write_text("\n".join(["a,b,c,d,label,guess", *rows]) + "\n")
    words = ["data", "check", "train.csv", "val.csv", "--select", "TL121", "--fail-on", "warning"]

    assert main([*words, "--predictions", "guess"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "labels beside predictions FAILED" in out
    assert "sides told apart by inputs passed" in out
    assert "predicted 0: 0 in training, 1 held out" in out
    assert "--predictions guess" in out
