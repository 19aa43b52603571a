"""``torchladder fix --write``: what it refuses, that a refusal leaves all as it was, and the second climb."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import pytest

from torchladder.cli.fix_verify import broken_rung, verdict
from torchladder.cli.main import main
from torchladder.core.findings import Change, Finding, Fix, Place, Severity
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


def test_what_cannot_be_decoded_is_left_alone(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, not the decoder's."""
    script.write_bytes(OLD.encode() + b"# \xff\n")

    assert "train.py is not in the encoding that it declares" in refused(capsys)
    assert script.read_bytes().endswith(b"\xff\n")


@pytest.mark.parametrize(("first", "encoding"), [("# Gr\u00f6\u00dfe", "utf-8-sig"), ("# coding: cp1252", "cp1252")])
def test_the_encoding_of_a_file_stays(script: Path, first: str, encoding: str) -> None:
    """A byte order mark, or what its first line declares."""
    end = "# \u00e9\n"
    script.write_bytes((OLD.replace("import torch", first) + end).encode(encoding))
    Path("record.json").write_text(dumps(with_diff(DIFF.replace("import torch", first))))

    assert main(["fix", "record.json", "--write"]) == 0
    assert script.read_bytes() == (NEW.replace("import torch", first) + end).encode(encoding)


def with_diff(diff: str) -> Report:
    """Return a record whose cause has this diff."""
    cause = dataclasses.replace(CAUSE, fixes=(Fix("leave it out", diff=diff, verified=True),))
    return dataclasses.replace(REPORT, cause=cause, findings=(cause,))


def test_mode_and_copy_are_those_of_the_old_file(script: Path) -> None:
    """Whoever may run it may run it still; nothing else is left in the folder."""
    script.chmod(0o754)

    assert main(["fix", "record.json", "--write"]) == 0
    assert [p.stat().st_mode & 0o777 for p in (script, Path("train.py.orig"))] == [0o754, 0o754]
    assert sorted(p.name for p in Path().iterdir()) == ["record.json", "train.py", "train.py.orig"]


def test_of_several_files_all_or_none_is_written(
    script: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full at the second leaves the first as it was."""
    Path("model.py").write_text(OLD)
    both = DIFF + DIFF.replace("train.py", "model.py")
    Path("record.json").write_text(dumps(with_diff(both)))
    kept = os.fsync
    calls: list[int] = []

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        kept(number)

    monkeypatch.setattr(os, "fsync", full)
    assert "model.py could not be written (No space left on device)" in refused(capsys)
    assert [script.read_text(), Path("model.py").read_text()] == [OLD, OLD]
    assert not list(Path().glob("*.orig"))
    monkeypatch.setattr(os, "fsync", kept)
    assert main(["fix", "record.json", "--write"]) == 0
    assert [script.read_text(), Path("model.py").read_text()] == [NEW, NEW]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2; this version reads schema 1"),
        ({"cause": None}, "the record names no cause"),
        ({"findings": 3}, "damaged"),
    ],
)
def test_a_record_that_cannot_be_used(
    script: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], words: str
) -> None:
    """Of another version, of a healthy program, or not whole."""
    record = Path("record.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | change))

    assert words in refused(capsys)
    assert script.read_text() == OLD


def test_a_link_out_of_the_folder_is_not_followed(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What lies elsewhere is changed from there."""
    Path("inner").mkdir()
    (Path("inner") / "train.py").symlink_to(script)
    os.chdir("inner")
    Path("record.json").write_text(dumps(REPORT))

    assert "lies outside the working folder" in refused(capsys)
    assert script.read_text() == OLD


def test_without_a_record(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a folder nor a file of that name."""
    assert main(["fix", "nothing", "--diff"]) == 2
    assert "there is no record at nothing" in capsys.readouterr().err
    assert script.read_text() == OLD


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


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        (Fix("split first"), "split first (this is advice, and how to follow it is for you to decide)"),
        (Fix("clip", change=Change("clip"), verified=True, edited=False), "did not pass"),
        (Fix("clip", change=Change("clip"), verified=False), "did not help"),
        (Fix("clip", change=Change("clip"), verified=True), "no edit for it could be written safely"),
    ],
)
def test_why_there_is_no_diff(script: Path, capsys: pytest.CaptureFixture[str], fix: Fix, words: str) -> None:
    """Is said, with the command that tells more."""
    cause = dataclasses.replace(CAUSE, fixes=(fix,))
    Path("record.json").write_text(dumps(dataclasses.replace(REPORT, cause=cause, findings=(cause,))))

    said = refused(capsys)
    assert words in said
    assert said.endswith("try: torchladder explain TL203\n")
    assert script.read_text() == OLD
