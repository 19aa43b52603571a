"""The smoke test and the picture of a batch, on programs that really run."""

from pathlib import Path

import pytest

from torchladder.core.report import State
from torchladder.ladder.climb import smoke
from torchladder.runner.target import resolve

PROGRAM = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = torch.rand(64, 1, 8, 8), torch.randint(0, 3, (64,))
train, valid = (DataLoader(TensorDataset(x, y), 16, shuffle=s) for s in (True, False))
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for epoch in range(3):
    for a, b in train:
        loss = nn.functional.cross_entropy(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for a, b in valid:
            model(a)VALID
    torch.save(model.state_dict(), "best.pt")
"""


def write(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "train.py").write_text(program)
    monkeypatch.chdir(folder)


def test_what_ran_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step, one validation pass, one checkpoint, one picture."""
    write(tmp_path, PROGRAM.replace("VALID", ""), monkeypatch)
    kept: dict[str, bytes] = {}
    report = smoke(resolve("train.py", []), budget=60, keep=kept.__setitem__)
    (row,) = report.rungs

    assert (State.PASSED, "healthy", 0) == (row.state, report.verdict, report.exit_status)
    assert (True, 1, ["best.pt"]) == (
        row.facts["validated"],
        row.facts["optimizer_steps"],
        row.facts["checkpoints"],
    )
    assert ("batch.png",) == report.pictures
    assert kept["batch.png"].startswith(b"\x89PNG")
    assert ["train.py"] == [p.name for p in tmp_path.iterdir()]


def test_a_crash_in_validation_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an epoch of training would have hidden until its end."""
    write(tmp_path, PROGRAM.replace("VALID", "[:, :2] @ torch.rand(3, 3)"), monkeypatch)
    report = smoke(resolve("train.py", []), budget=60)

    assert report.error is not None
    assert "mat1 and mat2" in report.error["message"] or "size" in report.error["message"]
    assert report.rungs[0].state is not State.PASSED
    assert "validation pass began" in report.rungs[0].summary
