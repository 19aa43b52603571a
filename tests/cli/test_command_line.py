"""The command line from outside: exit statuses, suggestions, speed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.snapshots.reports import BROKEN, CRASHED, HEALTHY, SEED, SOURCE, UNDECIDED
from torchladder import __version__
from torchladder.cli import climb
from torchladder.cli.main import main
from torchladder.core.report import Report
from torchladder.report.json import dumps

QUICK_S = 0.3


def torchladder(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "torchladder", *words],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["explain", "TL301"], ["rules"], ["climb", "--help"]])
def test_answers_at_once_without_torch(words: list[str], tmp_path: Path) -> None:
    """Looking something up needs neither torch nor patience."""
    code = (
        "import sys; from torchladder.cli.main import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    took = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
        took.append(time.perf_counter() - start)

    assert min(took) < QUICK_S


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["explan", "TL301"], "there is no verb 'explan'; the nearest: explain"),
        (["train.py"], "did you mean: torchladder climb train.py"),
        (["explain", "los-broadcast"], "the nearest: loss-broadcast"),
        (["climb", "absent.py"], "absent.py"),
        (["climb"], "name the program to run"),
        (["climb", "--to", "9", "train.py"], "'9' is not a rung from 1 to 7"),
        (["climb", "--budget", "soon", "train.py"], "'soon' is not a time"),
        (["climb", "--html", "page.html", "train.py"], "not available yet"),
        (["climb", "--json", "no/such/folder.json", "train.py"], "the folder no/such does not exist"),
        (["climb", "--select", "TL999", "train.py"], "no rule is called 'TL999'"),
        (["climb", "--jsn", "x", "train.py"], "--jsn"),
        (["report", "absent"], "there is no record at absent"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was typed wrong is said in one line that names the way out."""
    monkeypatch.chdir(tmp_path)

    assert 2 == main(words)
    said = capsys.readouterr()
    assert sentence in said.err
    assert 1 == len(said.err.splitlines())
    assert said.out == ""
    assert [] == list(tmp_path.iterdir())


def test_no_words_print_the_usage_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to do is a usage error that shows the verbs."""
    assert 2 == main([])
    assert "climb" in capsys.readouterr().err


def test_version_from_outside(tmp_path: Path) -> None:
    """The module runs as a command."""
    done = torchladder("--version", cwd=tmp_path)

    assert (0, f"torchladder {__version__}\n", "") == (done.returncode, done.stdout, done.stderr)


def test_options_end_at_the_script() -> None:
    """What follows SCRIPT is the script's, whatever it looks like."""
    options = climb.parser().parse_args(["--to", "3", "-q", "--", "train.py", "--to", "9", "--", "-q"])

    assert ("train.py", ["--to", "9", "--", "-q"], False) == climb.named_program(options)
    assert 3 == options.to


def test_a_module_ends_our_options() -> None:
    """``-m`` takes the rest, as Python's own does."""
    options = climb.parser().parse_args(["--to", "3", "-m", "pkg.train", "--json", "x"])

    assert ("pkg.train", ["--json", "x"], True) == climb.named_program(options)
    assert options.json is None


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("2m", 120), ("0.5h", 1800)])
def test_times(text: str, expected: float) -> None:
    """Seconds, minutes and hours are understood."""
    assert expected == climb.seconds(text)


ONLY_A_NOTE = Report(1, "0", "t.py", "healthy", "", None, (SEED,), HEALTHY.rungs)


@pytest.mark.parametrize(
    ("report", "fail_on", "expected"),
    [
        (BROKEN, "error", 1),
        (BROKEN, "warning", 1),
        (BROKEN, "never", 0),
        (HEALTHY, "warning", 0),
        (ONLY_A_NOTE, "warning", 0),
        (UNDECIDED, "error", 5),
        (CRASHED, "error", 3),
    ],
)
def test_exit_statuses(report: Report, fail_on: str, expected: int) -> None:
    """The status says what the page says."""
    assert expected == climb.exit_status(report, fail_on)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SOURCE)
    (tmp_path / "report.json").write_text(dumps(BROKEN))
    return tmp_path / "report.json"


def test_a_record_is_shown_again(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page needs no run."""
    assert 0 == main(["report", str(record)])
    assert "error[TL201] double-softmax" in capsys.readouterr().out

    assert 0 == main(["report", str(record), "--format", "json"])
    assert "broken" == json.loads(capsys.readouterr().out)["verdict"]


def test_a_fix_is_shown_then_applied_once(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--write changes the file, keeps the old one, and does not do it twice."""
    script = record.with_name("train.py")

    assert 0 == main(["fix", str(record)])
    assert "+        return x\n" in capsys.readouterr().out
    assert SOURCE == script.read_text()

    assert 0 == main(["fix", str(record), "--write"])
    assert "        return x\n" in script.read_text()
    assert SOURCE == record.with_name("train.py.orig").read_text()

    assert 2 == main(["fix", str(record), "--write"])
    assert "has changed" in capsys.readouterr().err


def test_a_fix_outside_the_working_folder_is_refused(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record cannot reach beyond the folder it is applied in."""
    outside = record.parent / "inner"
    outside.mkdir()
    os.chdir(outside)
    (outside.parent / "report.json").write_text(dumps(BROKEN).replace("b/train.py", "b/../train.py"))

    assert 2 == main(["fix", str(record), "--write"])
    assert "outside the working folder" in capsys.readouterr().err


def test_a_defect_of_ours_is_one_line_and_status_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The traceback goes to a file, the sentence to the user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torchladder.cli.rules.run", lambda _: 1 // 0)

    assert 4 == main(["rules"])
    assert "ZeroDivisionError" in capsys.readouterr().err
    (file,) = (tmp_path / ".torchladder").glob("failure-*.txt")
    assert "ZeroDivisionError" in file.read_text()


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An interrupt is said in one sentence."""

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("torchladder.cli.rules.run", interrupted)

    assert 130 == main(["rules"])
    assert "stopped by Ctrl-C" in capsys.readouterr().err
