"""Two real processes: one record, one report, one set of checkpoints, and a resume that changes no bit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LAUNCHERS = {
    "torchrun": ("torch.distributed.run", "--nproc-per-node", "2", "--standalone"),
    "accelerate": ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"),
}
CHANGES = (
    "model=small_cnn", "width=8", "epochs=2", "batch_size=32", "accumulate=2", "ema=0.9", "dropout=0.2", "mixup=0.2",
    "checkpoint_steps=2",
)  # fmt: skip


def result(folder: Path, launcher: str, *words: str) -> dict[str, Any]:
    """Return what two processes made together."""
    options = ("train", "--no-ladder", "--no-watch", "--json", "result.json", "--force")
    done = subprocess.run(
        [sys.executable, "-m", *LAUNCHERS[launcher], "-m", "torchladder", *options, *words], cwd=folder, check=False,
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("  held out  ") == 1, "one of them speaks"
    made: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return made


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_go_on_bit_for_bit(pictures: Path, tmp_path: Path, launcher: str) -> None:
    """With batch normalisation, averaged weights, dropout and mixing, from the middle of an epoch."""
    if launcher == "accelerate":
        pytest.importorskip("accelerate")
    changes = [word for change in CHANGES for word in ("--change", change)]
    whole = result(tmp_path, launcher, "--data", str(pictures), *changes)
    runs = tmp_path / ".torchladder" / "runs"
    (run,) = (path for path in runs.iterdir() if path.is_dir())
    broken = runs / "broken"
    shutil.copytree(run, broken)
    lasts = json.loads((broken / "checkpoints" / "checkpoints.json").read_text())["lasts"]
    (broken / "checkpoints" / lasts[0]["file"]).unlink()
    again = result(tmp_path, launcher, "--resume", "broken")

    assert lasts[1]["step"] % 3, "within an epoch"
    assert again["parameter_sum"] == whole["parameter_sum"]
    assert again["val"] == whole["val"]
    assert len([path for path in runs.iterdir() if path.is_dir()]) == 3
