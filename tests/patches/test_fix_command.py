"""``torchladder fix --write``: what it refuses, that a refusal leaves all as it was, and the second climb."""

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from torchladder.cli.fix_verify import broken_rung, verdict
from torchladder.cli.main import main
from torchladder.core.findings import Finding, Fix, Place, Severity
from torchladder.core.report import Report, RungResult, State
from torchladder.report.json import dumps

OLD = "import torch\n\ny = torch.relu(x)\n"
NEW = "import torch\n\ny = x\n"
DIFF = "--- a/train.py\n+++ b/train.py\n@@ -1,3 +1,3 @@\n import torch\n \n-y = torch.relu(x)\n+y = x\n"
CAUSE = Finding(
    "TL203", "relu-before-loss", Severity.ERROR, 3, "m", where=(Place("train.py", 3),),
    fixes=(Fix("leave it out", diff=DIFF, verified=True),),
)  # fmt: skip
RUNGS = (RungResult(1, "data", State.PASSED, ""), RungResult(4, "subset", State.FAILED, ""))
REPORT = Report(1, "0", "train.py", "broken", "", CAUSE, (CAUSE,), RUNGS)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the script of a record in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("record.json").write_text(dumps(REPORT))
    Path("train.py").write_text(OLD)
    return tmp_path / "train.py"


def refused(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Return the one sentence with which a write is refused."""
    assert main(["fix", "record.json", "--write", *more]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert not list(Path().glob(".*.tmp"))
    return said.err


def test_a_file_that_has_changed_is_left_alone(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Even by one space."""
    script.write_text(OLD.replace("relu(x)", "relu( x)"))

    assert "has changed near line 1" in refused(capsys)
    assert not script.with_name("train.py.orig").exists()


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_and_a_missing_last_one_survive(script: Path, end: str) -> None:
    """As the file has them."""
    for old, new in ((OLD, NEW), (OLD.rstrip("\n"), NEW.rstrip("\n"))):
        script.write_bytes(old.replace("\n", end).encode())

        assert main(["fix", "record.json", "--write", "--force"]) == 0
        assert script.read_bytes() == new.replace("\n", end).encode()


def test_what_is_not_utf_8_is_left_alone(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, not the decoder's."""
    script.write_bytes(OLD.encode() + b"# \xff\n")

    assert "train.py is not UTF-8" in refused(capsys)
    assert script.read_bytes().endswith(b"\xff\n")


def test_a_read_only_file_is_left_alone(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also for those to whom nothing is read-only."""
    script.chmod(0o444)

    assert "train.py is read-only" in refused(capsys)
    assert script.read_text() == OLD


def test_a_missing_file_is_said(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do."""
    script.unlink()

    assert "there is no train.py here; run fix in the folder" in refused(capsys)


def test_a_link_stays_a_link(script: Path) -> None:
    """The file behind it is changed, with its copy beside it."""
    real = script.with_name("real.py")
    script.rename(real)
    script.symlink_to("real.py")

    assert main(["fix", "record.json", "--write"]) == 0
    assert script.is_symlink()
    assert (real.read_text(), real.with_name("real.py.orig").read_text()) == (NEW, OLD)


def git(*words: str) -> None:
    """Run git in the working folder."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def test_uncommitted_changes_are_not_mixed_with_ours(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless one insists; what git does not know is no matter."""
    git("init", "-q")
    script.write_text("# first\n")
    git("add", "train.py")
    git("commit", "-qm", "first")
    script.write_text(OLD)

    assert "changes that are not committed; commit them, or pass --force" in refused(capsys)
    assert script.read_text() == OLD
    git("commit", "-qam", "second")
    assert main(["fix", "record.json", "--write"]) == 0
    assert script.read_text() == NEW


def test_a_copy_in_the_way(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is replaced only when one insists."""
    copy = script.with_name("train.py.orig")
    copy.write_text("mine\n")

    assert "train.py.orig exists" in refused(capsys)
    assert copy.read_text() == "mine\n"
    assert main(["fix", "record.json", "--write", "--force"]) == 0
    assert copy.read_text() == OLD


def test_verification_goes_with_writing(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And its words must be words."""
    assert main(["fix", "record.json", "--verify"]) == 2
    assert "it goes with --write" in capsys.readouterr().err
    assert "a quotation mark without its partner" in refused(capsys, "--verify", "--args", "'a")
    assert script.read_text() == OLD


AFTER = dataclasses.replace(REPORT, cause=None, findings=(), verdict="healthy")
PASSED = (RungResult(4, "subset", State.PASSED, ""),)
UNKNOWN = (RungResult(4, "subset", State.UNKNOWN, ""),)
NEXT = dataclasses.replace(CAUSE, code="TL301", name="loss-broadcast")
NOTE = dataclasses.replace(NEXT, severity=Severity.NOTE)


@pytest.mark.parametrize(
    ("after", "status", "words"),
    [
        (dataclasses.replace(AFTER, rungs=PASSED), 0, "Verified: TL203 relu-before-loss is gone, and"),
        (
            dataclasses.replace(AFTER, rungs=PASSED, findings=(NOTE,)),
            0,
            "Verified: TL203 relu-before-loss is gone, and",
        ),
        (dataclasses.replace(AFTER, findings=(NEXT,)), 0, "Next in its place: TL301 loss-broadcast"),
        (
            dataclasses.replace(AFTER, findings=(NEXT,), rungs=RUNGS[:1]),
            5,
            "the climb now stops at TL301 loss-broadcast",
        ),
        (REPORT, 1, "Not verified: the edited program still has TL203"),
        (dataclasses.replace(AFTER, error={"type": "E", "message": "boom"}), 1, "ends with an error (boom)"),
        (dataclasses.replace(AFTER, rungs=UNKNOWN), 5, "rung 4 could not be judged"),
    ],
)
def test_the_sentence_of_a_second_climb(after: Report, status: int, words: str) -> None:
    """By what it finds at the rung that was broken."""
    found, sentence = verdict(REPORT, after, broken_rung(REPORT))

    assert (found, words in sentence) == (status, True)


def test_the_rung_to_climb_to() -> None:
    """The one that failed, or that of the cause where that is above."""
    assert broken_rung(REPORT) == 4
    assert broken_rung(dataclasses.replace(REPORT, rungs=PASSED)) == CAUSE.rung
    assert broken_rung(dataclasses.replace(REPORT, cause=dataclasses.replace(CAUSE, rung=5))) == 5


PROGRAM = """\
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x.sum(dim=1) > 0).long()
net = nn.Linear(4, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.5)
for i in range(60):
    opt.zero_grad()
    loss = nn.functional.cross_entropy({}, y)
    loss.backward()
    opt.step()
"""


@pytest.mark.slow
def test_the_edited_program_is_climbed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first climb to the proof on the file itself."""
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(PROGRAM.format("net(x).softmax(dim=1)"))
    assert main(["climb", "--to", "3", "--json", "record.json", "-q", "train.py"]) == 1

    assert main(["fix", "record.json", "--write", "--verify"]) == 0
    assert "Verified: TL201 double-softmax is gone, and the edited program climbs to rung 3." in capsys.readouterr().out
    assert Path("train.py").read_text() == PROGRAM.format("net(x)")
    assert os.listdir(".torchladder")
