"""Runs in processes of their own: whatever happens to one is a result, and none outlives its ablation."""

import sys
from pathlib import Path

import pytest

from torchladder.ablation.engines import in_processes, made
from torchladder.ablation.job import Job
from torchladder.ablation.reading import scale_of


def job(tmp_path: Path, code: str, seed: int = 0) -> Job:
    """Return a job that runs some lines."""
    content = {"argv": [sys.executable, "-c", code], "cwd": str(tmp_path), "metric": "score", "file": None}
    return Job("script", "baseline", seed, content, {"code": code, "seed": seed})


def test_what_a_program_prints_is_its_result(tmp_path: Path) -> None:
    """With the digits it printed, where it stood, and its time."""
    result = made(job(tmp_path, "print('score: 0.25')"))

    assert (result.state, result.values, result.step) == ("ended", {"score": 0.25}, 0.01)
    assert result.told == ["score from the line 'score: 0.25'"]
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ValueError('no such optimizer')", "ValueError: no such optimizer (exit status 1)"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL, perhaps since memory ran out"),
        ("import os; os.kill(os.getppid(), 9)", "the run was killed, perhaps since memory ran out"),
        ("print('scor: 1')", "the run printed no score; the nearest: scor"),
        ("print('score: nan')", "score is nan"),
    ],
)
def test_a_failure_is_a_sentence(tmp_path: Path, code: str, says: str) -> None:
    """Of the program, of the process that watches over it, or of the metric."""
    result = made(job(tmp_path, code))

    assert result.state == "failed"
    assert says in result.sentence


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    """As on a node that does not share the disk."""
    assert "FileNotFoundError" in made(job(tmp_path / "gone", "print('score: 1')")).sentence


def test_runs_are_made_at_once_and_each_is_answered(tmp_path: Path) -> None:
    """Three at once: each waits for the others to have begun."""
    wait = (
        "import pathlib, sys, time\n"
        "pathlib.Path(sys.argv[0] if 0 else '{0}').touch()\n"
        "while len(list(pathlib.Path('.').glob('[0-9]'))) < 3: time.sleep(0.01)\n"
        "print('score:', {0})"
    )

    got = {j.seed: r.values for j, r in in_processes([job(tmp_path, wait.format(n), n) for n in range(3)], 3)}

    assert got == {0: {"score": 0.0}, 1: {"score": 1.0}, 2: {"score": 2.0}}


def test_figures_are_written_to_two_digits_of_their_margin() -> None:
    """Shares in percent; others as they are, small and large."""
    plain, share = scale_of("score", lower=False, shares=True), scale_of("accuracy", lower=False, shares=True)

    assert plain.difference(-11.39, 12.1) == "-11 ± 12"
    assert plain.difference(0.2, 0.497) == "+0.20 ± 0.50"
    assert plain.difference(1.234e-8, 5.6e-9) == "+1.2e-08 ± 5.6e-09"
    assert plain.difference(12.5) == "+12.5"
    assert share.difference(0.021, 0.004) == "+2.10 ± 0.40"
    assert share.value(0.841) == "84.10 %"
