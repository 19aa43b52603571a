"""Programs with an unusual model, loop or launcher are climbed without a false word and without a defect of ours."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
SOURCE = HERE.parents[1] / "src"
BUDGET_S = 60
QUICK = {"by_hand", "lbfgs", "tied_lm", "accumulation"}
NEEDS = {
    "resnet18_digits": "torchvision",
    "lightning_digits": "lightning",
    "hf_trainer": "transformers",
}
ALL = [pytest.param(p.stem, marks=[] if p.stem in QUICK else [pytest.mark.slow]) for p in sorted(PROGRAMS.glob("*.py"))]
_done: dict[str, dict[str, Any]] = {}


@pytest.fixture
def climbed(name: str, tmp_path: Path) -> dict[str, Any]:
    """What came of climbing a program, once a session however many tests ask."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    if name not in _done:
        shutil.copy(PROGRAMS / f"{name}.py", tmp_path / "train.py")
        done = subprocess.run(
            [sys.executable, str(HERE / "ascend.py"), "train.py", str(BUDGET_S)],
            cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        _done[name] = json.loads(done.stdout.splitlines()[-1])
    return _done[name]


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_said_of_a_correct_program(name: str, climbed: dict[str, Any]) -> None:
    """No error, no warning, and the exit status of a healthy or an undecided climb."""
    said = [f["message"] for f in climbed["report"]["findings"] if f["severity"] != "note"]

    assert said == []
    assert climbed["status"] in {0, 5}, climbed["report"]["sentence"]


@pytest.mark.parametrize("name", ALL)
def test_no_defect_of_ours_meets_it(name: str, climbed: dict[str, Any]) -> None:
    """The program ends or is stopped, never by an exception; every probe and experiment gave its result."""
    assert climbed["program"]["state"] in {"ended", "stopped", "timeout"}, climbed["program"]["error"]
    assert climbed["failures"] == {}
    assert climbed["children"] == []
    assert climbed["printed"] == []


@pytest.mark.parametrize("name", ALL)
def test_it_leaves_no_file(name: str, climbed: dict[str, Any]) -> None:
    """The folder of the program is as it was."""
    assert climbed["changed"] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slow_data"])
def test_a_batch_that_is_too_slow_is_cut_to_eight(name: str, climbed: dict[str, Any]) -> None:
    """The rung is judged on the first samples of the program's own batch."""
    (rung,) = [r for r in climbed["report"]["rungs"] if r["rung"] == 3]

    assert rung["state"] == "passed"
    assert rung["summary"].startswith("8 samples")
