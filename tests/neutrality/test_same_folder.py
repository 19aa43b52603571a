"""A climb leaves the working folder byte for byte as it was."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from torchladder.ladder.climb import climb
from torchladder.runner.target import resolve

SOURCE = Path(__file__).parents[2] / "src"

WRITER = """
import csv
import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
logging.basicConfig(filename="train.log", level=logging.INFO)
Path("runs").mkdir(exist_ok=True)
history = open("history.csv", "a", newline="")
writer = csv.writer(history)
x = torch.randn(256, 8)
y = (x[:, 0] * x[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
if Path("best.pt").exists():
    model.load_state_dict(torch.load("best.pt", weights_only=True))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(60):
    for i in range(0, 256, 32):
        loss = nn.functional.cross_entropy(model(x[i : i + 32]), y[i : i + 32])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        writer.writerow([epoch, loss.item()])
    history.flush()
    logging.info("epoch %d loss %f", epoch, loss.item())
    torch.save(model.state_dict(), "best.tmp")
    os.replace("best.tmp", "best.pt")
    np.save(f"runs/predictions-{epoch}.npy", model(x).detach().numpy())
    Path("config.json").write_text(json.dumps({"epoch": epoch}))
    if os.path.exists("old.txt"):
        os.remove("old.txt")
shutil.rmtree("stale", ignore_errors=True)
print("ended", epoch, len(os.listdir("runs")))
"""


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Return digest and modification time of every file, and every folder, but those of our records."""
    paths = (p for p in sorted(folder.rglob("*")) if ".torchladder" not in p.parts)
    return {
        str(p.relative_to(folder)): (sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        if p.is_file()
        else ("", 0)
        for p in paths
    }


@pytest.mark.slow
def test_a_climb_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """Checkpoints, logs, CSV rows, arrays, renamed and removed files stay inside the experiments."""
    (tmp_path / "train.py").write_text(WRITER)
    (tmp_path / "old.txt").write_text("kept")
    (tmp_path / "history.csv").write_text("0,1.0\n")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "stale").mkdir()
    (tmp_path / "stale" / "file.txt").write_text("kept too")
    before = contents(tmp_path)

    env = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "torchladder", "climb", "--to", "3", "--budget", "60", "train.py"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    assert done.returncode in {0, 1, 5}, done.stderr
    assert before == contents(tmp_path)


def test_what_a_shell_command_leaves_behind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes by other programs cannot be redirected; the report says what they changed."""
    (tmp_path / "train.py").write_text("import os\nos.system('touch left.txt')\n" + WRITER)
    monkeypatch.chdir(tmp_path)

    report = climb(resolve("train.py", ()), budget=60)

    assert [note for rung in report.rungs for note in rung.notes if "left.txt" in note]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["left.txt", "train.py"]
