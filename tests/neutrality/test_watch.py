"""Watched or not, a training computes the same bits; a monitor that fails changes nothing and stops nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.neutrality.eye import PARTS, label

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
SPECIMENS = sorted(p for p in (SOURCE / "torchladder/specimens").glob("*.py") if p.stem != "__init__")
ODD = sorted((HERE.parent / "climbing/programs").glob("*.py"))
PROGRAMS = [p for p in (*SPECIMENS, *ODD) if p.stem not in {"data_parallel", "spawned"}]
FAILING = SOURCE / "torchladder/specimens/digits_cnn.py"
QUICK = {"digits_mlp", "regression", "lbfgs"}
UNSEEN = {"by_hand"}  # no torch optimizer steps there


def printed(how: str, program: Path, folder: Path) -> list[str]:
    """Return what a program printed, and everything it had computed at its end."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": "0"}
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(HERE / "eye.py"), how, str(program)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    if how == "watched" and program.stem not in UNSEEN:
        assert "steps 0 " not in done.stderr, "nothing was watched"
    timed = ("seconds", "_runtime")
    return [line for line in done.stdout.splitlines() if not any(word in line for word in timed)]


@pytest.mark.parametrize(
    "program", [pytest.param(p, id=p.stem, marks=[] if p.stem in QUICK else pytest.mark.slow) for p in PROGRAMS]
)
def test_a_watched_program_computes_the_same_bits(program: Path, tmp_path: Path) -> None:
    """Printed losses, weights, optimizer state and the next draws of every generator are equal."""
    assert printed("watched", program, tmp_path / "watched") == printed("bare", program, tmp_path / "bare")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what the program prints whose monitor is to fail."""
    return printed("bare", FAILING, tmp_path_factory.mktemp("bare") / "here")


@pytest.mark.slow
@pytest.mark.parametrize("part", range(len(PARTS)), ids=[label(part) for part in PARTS])
def test_a_monitor_that_fails_at_random_changes_nothing(part: int, undisturbed: list[str], tmp_path: Path) -> None:
    """The training goes on to the same bits, and every door of torch is put back."""
    assert printed(f"failing{part}", FAILING, tmp_path / "failing") == undisturbed
