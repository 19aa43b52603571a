"""The command line from outside: exit statuses, suggestions, speed."""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.snapshots.reports import BROKEN, CRASHED, DIFF, HEALTHY, SEED, SOURCE, UNDECIDED
from torchladder import __version__
from torchladder.cli import climb
from torchladder.cli.main import main
from torchladder.core.report import Report
from torchladder.report.json import dumps, load

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
    for _ in range(6):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        took.append(spent)

    assert min(took) < QUICK_S, "processor seconds, so that a busy machine does not matter"


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
        (["climb", "--html", "no/such/page.html", "train.py"], "the folder no/such does not exist"),
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

    assert main(words) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_no_words_print_the_usage_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to do is a usage error that shows the verbs."""
    assert main([]) == 2
    assert "climb" in capsys.readouterr().err


def test_version_from_outside(tmp_path: Path) -> None:
    """The module runs as a command."""
    done = torchladder("--version", cwd=tmp_path)

    assert (0, f"torchladder {__version__}\n", "") == (done.returncode, done.stdout, done.stderr)


def test_options_end_at_the_script() -> None:
    """What follows SCRIPT is the script's, whatever it looks like."""
    options = climb.parser().parse_args(["--to", "3", "-q", "--", "train.py", "--to", "9", "--", "-q"])

    assert climb.named_program(options) == ("train.py", ["--to", "9", "--", "-q"], False)
    assert options.to == 3


def test_a_module_ends_our_options() -> None:
    """``-m`` takes the rest, as Python's own does."""
    options = climb.parser().parse_args(["--to", "3", "-m", "pkg.train", "--json", "x"])

    assert climb.named_program(options) == ("pkg.train", ["--json", "x"], True)
    assert options.json is None


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("2m", 120), ("0.5h", 1800)])
def test_times(text: str, expected: float) -> None:
    """Seconds, minutes and hours are understood."""
    assert expected == climb.seconds(text)


def options_for(*words: str) -> argparse.Namespace:
    return climb.parser().parse_args([*words, "train.py"])


def test_a_climb_ends_with_a_page_a_record_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page is printed, the record stored where the closing line says, the JSON written where asked."""
    monkeypatch.chdir(tmp_path)
    fresh = dataclasses.replace(BROKEN, folder=None, exit_status=0)

    assert climb.finish(fresh, options_for("--json", "out.json")) == 1
    (folder,) = (p for p in Path(".torchladder").iterdir() if p.is_dir())
    assert capsys.readouterr().out.endswith(f"Next: torchladder fix {folder} --diff\n")
    assert load("out.json").exit_status == 1
    assert load("out.json") == load(folder)
    assert Path(".torchladder/.gitignore").read_text() == "*\n"


def test_quiet_says_it_by_the_status_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """-q prints nothing, and the record is still there."""
    monkeypatch.chdir(tmp_path)

    assert climb.finish(dataclasses.replace(HEALTHY, folder=None), options_for("-q")) == 0
    assert capsys.readouterr() == ("", "")
    assert len(list(Path(".torchladder").glob("*/report.json"))) == 1


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
    assert main(["report", str(record)]) == 0
    assert "error[TL201] double-softmax" in capsys.readouterr().out

    assert main(["report", str(record), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "broken"


def test_a_fix_is_shown_then_applied_once(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--write changes the file, keeps the old one, and does not do it twice."""
    script = record.with_name("train.py")

    assert main(["fix", str(record)]) == 0
    assert "+        return x\n" in capsys.readouterr().out
    assert script.read_text() == SOURCE

    assert main(["fix", str(record), "--write"]) == 0
    assert "        return x\n" in script.read_text()
    assert record.with_name("train.py.orig").read_text() == SOURCE

    assert main(["fix", str(record), "--write"]) == 2
    assert "has changed" in capsys.readouterr().err


def test_a_fix_without_a_diff_is_said_in_words(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be written as a diff is still told."""
    record.write_text(dumps(BROKEN).replace(json.dumps(DIFF), "null"))

    assert 2 == main(["fix", str(record)])
    assert "not written as a diff: return the logits (" in capsys.readouterr().err


def test_a_fix_outside_the_working_folder_is_refused(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record cannot reach beyond the folder it is applied in."""
    outside = record.parent / "inner"
    outside.mkdir()
    os.chdir(outside)
    (outside.parent / "report.json").write_text(dumps(BROKEN).replace("b/train.py", "b/../train.py"))

    assert main(["fix", str(record), "--write"]) == 2
    assert "outside the working folder" in capsys.readouterr().err


def test_a_defect_of_ours_is_one_line_and_status_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The traceback goes to a file, the sentence to the user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torchladder.cli.rules.run", lambda _: 1 // 0)

    assert main(["rules"]) == 4
    assert "ZeroDivisionError" in capsys.readouterr().err
    (file,) = (tmp_path / ".torchladder").glob("failure-*.txt")
    assert "ZeroDivisionError" in file.read_text()


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An interrupt is said in one sentence."""

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("torchladder.cli.rules.run", interrupted)

    assert main(["rules"]) == 130
    assert "stopped by Ctrl-C" in capsys.readouterr().err
