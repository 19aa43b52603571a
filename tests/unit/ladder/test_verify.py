"""What a fix is tried on: the file as its diff leaves it, or the change in memory, and what is said of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from torchladder.core.facts import Facts, TrialFact
from torchladder.core.findings import Change, Finding, Fix, Place, Severity, Standing
from torchladder.ladder.verify import verify
from torchladder.report.terminal import verification
from torchladder.runner.target import Target

TEXT = "import torch\ny = torch.relu(x)\n"
CHANGE = Change("skip_call", {"path": "train.py", "line": 2, "function": "relu"})
FINDING = Finding(
    "TL203", "relu-before-loss", Severity.ERROR, 3, "m", where=(Place("train.py", 2),), fixes=(Fix("f", change=CHANGE),)
)  # fmt: skip
BASE = TrialFact("base", 0, (2.0, 1.9), passed=False, reason="", steps=200)


@dataclasses.dataclass
class Program:
    """Stands for a program: fails or passes by how it is run, and remembers that."""

    target: Target
    works_edited: bool
    works_in_memory: bool
    left: float = 60.0
    facts: Facts = dataclasses.field(default_factory=lambda: Facts(trials=(BASE,)))
    crashes_edited: bool = False
    last_state: str = "ended"
    tried: list[str] = dataclasses.field(default_factory=list)

    def progress(self, _words: str) -> None:
        """Nobody looks."""

    def same_batch(
        self, label: str, phase: int, changes: Sequence[Change], edited: Mapping[str, str] | None
    ) -> TrialFact:
        """Return the trial."""
        assert bool(changes) is not bool(edited)
        if edited:
            assert edited == {"train.py": "import torch\ny = x\n"}
        self.tried.append("file" if edited else "memory")
        self.last_state = "crashed" if edited and self.crashes_edited else "ended"
        passed = self.works_edited if edited else self.works_in_memory
        if self.last_state == "crashed":
            return dataclasses.replace(BASE, label=label, passed=None, losses=(), state="crashed")
        return dataclasses.replace(BASE, label=label, passed=passed, steps_to_pass=9 if passed else None)


def tried(folder: Path, finding: Finding = FINDING, kind: str = "script", **works: bool) -> tuple[list[str], Fix]:
    """Return what was tried, and the fix after it."""
    (folder / "train.py").write_text(TEXT)
    program: Any = Program(Target(kind, "train.py", (), str(folder)), **works)
    (fix,) = verify(finding, program).fixes
    return program.tried, fix


def test_what_is_proven_is_the_file_with_the_diff(tmp_path: Path) -> None:
    """One run; the diff that is shown is the one that ran."""
    runs, fix = tried(tmp_path, works_edited=True, works_in_memory=True)

    assert (runs, fix.verified, fix.edited) == (["file"], True, True)
    assert "-y = torch.relu(x)\n+y = x\n" in str(fix.diff)
    assert words(fix).startswith("with this change, loss")


def test_a_diff_that_does_not_work_is_not_shown(tmp_path: Path) -> None:
    """Though the change in memory works: then the edit is at fault."""
    runs, fix = tried(tmp_path, works_edited=False, works_in_memory=True)

    assert (runs, fix.verified, fix.edited, fix.diff) == (["file", "memory"], True, False, None)


@pytest.mark.parametrize("standing", list(Standing))
def test_a_diff_that_breaks_the_program_is_not_shown(tmp_path: Path, standing: Standing) -> None:
    """An error that the file as it is does not make says that the edit is at fault."""
    finding = dataclasses.replace(FINDING, standing=standing)
    _, fix = tried(tmp_path, finding, works_edited=True, works_in_memory=True, crashes_edited=True)

    assert (fix.verified, fix.edited, fix.diff) == (True, False, None)


def test_a_fix_that_works_in_no_way(tmp_path: Path) -> None:
    """Is refuted."""
    _, fix = tried(tmp_path, works_edited=False, works_in_memory=False)

    assert (fix.verified, fix.edited, fix.diff) == (False, None, None)


@pytest.mark.parametrize(("works", "runs"), [(False, ["memory"]), (True, ["memory", "file"])])
def test_suspicions_are_tried_in_memory_first(tmp_path: Path, works: bool, runs: list[str]) -> None:
    """Most are wrong; one that is right is proven on the file."""
    suspected = dataclasses.replace(FINDING, standing=Standing.SUSPECTED)
    done, fix = tried(tmp_path, suspected, works_edited=True, works_in_memory=works)

    assert (done, bool(fix.edited)) == (runs, works)


def test_a_trial_that_could_not_be_made_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The diff of a suspicion is shown then, and not said to have been run."""
    real = Program.same_batch

    def only_in_memory(self: Program, *args: Any) -> TrialFact | None:
        return None if args[-1] else real(self, *args)

    monkeypatch.setattr(Program, "same_batch", only_in_memory)
    suspected = dataclasses.replace(FINDING, standing=Standing.SUSPECTED)
    _, fix = tried(tmp_path, suspected, works_edited=True, works_in_memory=True)

    assert (fix.verified, fix.edited, bool(fix.after)) == (True, None, True)


@pytest.mark.parametrize("kind", ["notebook", "objects"])
def test_without_a_file_that_is_run_the_change_is_made_in_memory(tmp_path: Path, kind: str) -> None:
    """A diff that comes later is not claimed to have been run."""
    runs, fix = tried(tmp_path, kind=kind, works_edited=False, works_in_memory=True)

    assert (runs, fix.edited) == (["memory"], None)
    assert words(dataclasses.replace(fix, diff="+x")).startswith("with this change made in memory, loss")


def words(fix: Fix) -> str:
    """Return how a report tells of a trial."""
    told = verification(fix)
    assert told is not None
    return told[1]
