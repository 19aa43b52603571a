"""W&B, offline: the user's run stays the user's, and a run of ours keeps out of the way."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.integrations.stored import wandb_history, wandb_records

pytest.importorskip("wandb")
pytestmark = pytest.mark.slow

BOTH = """
import math, sys
from tests.unit.runs.writing import end, finding, start
from torchladder.integrations.wandb import Wandb
from torchladder.monitor.courier import Courier

def look(sink, step):
    sink.steps([(step, {"loss": 1.0 / (step + 1), "lr": 0.1})])
"""
OURS = """
sink = Wandb()
sink.started(start(command=("train.py", "--token", "abc")))
for step in range(5):
    look(sink, step)
sink.steps([(5, {"loss": math.nan})])
sink.sample(5, {"gradient/fc": 0.5})
sink.histogram(5, "weight/fc", [0.0, 1.0, 2.0], [3.0, 4.0])
sink.alert(5, finding())
assert "wandb" not in sys.modules, "a program without W&B does not import it"
import wandb
theirs = wandb.init(project="theirs")
theirs.log({"accuracy": 0.5}, step=0)
look(sink, 6)
sink.ended(end())
theirs.log({"accuracy": 0.6}, step=1)
theirs.finish()
"""
THEIRS = """
import wandb
sink = Wandb()
sink.started(start())
theirs = wandb.init(project="theirs")
for step in range(12):
    look(sink, step)
    if step % 4 == 3:
        theirs.log({"accuracy": step / 10}, step=step // 4)
sink.sample(12, {"gradient/fc": 0.5})
sink.alert(12, finding())
sink.ended(end())
assert wandb.run is theirs
theirs.log({"accuracy": 0.9}, step=3)
theirs.finish()
look(sink, 13)
sink.ended(end())
"""
IN_A_THREAD = """
import wandb
courier = Courier((), [Wandb()])
courier.start(start())
theirs = wandb.init(project="theirs")
for step in range(12):
    courier.steps([(step, {"loss": 1.0})])
courier.end(end())
theirs.log({"accuracy": 0.5})
theirs.finish()
assert courier.failures == {}, courier.failures
"""
NOT_LOGGED_IN = """
courier = Courier((), [Wandb()])
courier.start(start())
courier.steps([(0, {"loss": 1.0})])
courier.end(end())
print(courier.failures)
"""


def program(text: str, folder: Path, root: Path, **env: str) -> str:
    (folder / "home").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    told = {"WANDB_MODE": "offline", "HOME": str(folder / "home"), "PYTHONPATH": str(root), **env}
    done = subprocess.run(
        [sys.executable, "-c", BOTH + text], cwd=folder, env=kept | told, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def projects(folder: Path) -> dict[str, Path]:
    """Return the folders of the offline runs by their projects."""
    found = {}
    for run in folder.glob("wandb/offline-run-*"):
        (record,) = [r.run for r in wandb_records(run) if r.WhichOneof("record_type") == "run"][:1]
        found[record.project] = run
    return found


def kinds(folder: Path) -> list[str]:
    return [record.WhichOneof("record_type") for record in wandb_records(folder)]


def test_a_run_of_ours_holds_every_row_beside_a_later_run_of_the_program(tmp_path: Path, root: Path) -> None:
    """Steps are an axis of their own; the program's run has its rows and nothing else."""
    program(OURS, tmp_path, root)
    found = projects(tmp_path)

    rows = wandb_history(found["torchladder"])
    assert [(0, 1.0), (1, 0.5), (2, 1 / 3), (3, 0.25), (4, 0.2), (6, 1 / 7)] == [
        (row["step"], row["loss"]) for row in rows if math.isfinite(row.get("loss", math.nan))
    ]
    assert [5] == [row["step"] for row in rows if math.isnan(row.get("loss", 0.0))]
    assert [(5, 0.5)] == [(row["step"], row["gradient/fc"]) for row in rows if "gradient/fc" in row]
    assert [[3, 4]] == [row["weight/fc/values"] for row in rows if "weight/fc/values" in row]
    assert "alert" in kinds(found["torchladder"])
    assert "exit" in kinds(found["torchladder"])
    assert b"abc" not in next(found["torchladder"].glob("*.wandb")).read_bytes(), "secrets of the command line"
    theirs = [{k: v for k, v in row.items() if k[0] != "_" or k == "_step"} for row in wandb_history(found["theirs"])]
    assert [{"accuracy": 0.5, "_step": 0}, {"accuracy": 0.6, "_step": 1}] == theirs


def test_in_the_users_run_no_row_or_step_of_theirs_is_touched(tmp_path: Path, root: Path) -> None:
    """Ours ride on theirs, on an axis of their own; the run is neither doubled nor finished."""
    program(THEIRS, tmp_path, root)
    (run,) = projects(tmp_path).values()
    rows: list[dict[str, Any]] = wandb_history(run)

    assert [(0, 0.3), (1, 0.7), (2, 1.1), (3, 0.9)] == [(row["_step"], row["accuracy"]) for row in rows]
    seen = [(row["torchladder/step"], row["torchladder/loss"]) for row in rows if "torchladder/loss" in row]
    assert len(seen) >= 2
    assert all(loss == 1 / (step + 1) for step, loss in seen if step < 12)
    assert any("torchladder/gradient/fc" in row for row in rows)
    assert 1 == kinds(run).count("alert")
    assert 1 == kinds(run).count("exit")


def test_it_is_found_from_the_thread_that_delivers(tmp_path: Path, root: Path) -> None:
    """The user's run is global to the process."""
    program(IN_A_THREAD, tmp_path, root)
    (run,) = projects(tmp_path).values()

    assert any("torchladder/loss" in row for row in wandb_history(run))


def test_without_a_login_the_training_is_not_asked_for_one(tmp_path: Path, root: Path) -> None:
    """One sentence, and no prompt."""
    said = program(NOT_LOGGED_IN, tmp_path, root, WANDB_MODE="online", NETRC=str(tmp_path / "none"))

    assert "W&B is not logged in; try: wandb login, or set WANDB_MODE=offline" in said
    assert not list(tmp_path.glob("wandb/run-*"))
