"""Live objects are, after a climb, bit for bit what they were before it."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import torchladder

SOURCE = Path(__file__).parents[2] / "src"


def made(seed: int = 0) -> dict[str, Any]:
    """Return a model with all that can change in it, in the middle of its training."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    x = torch.randn(64, 6)
    data = TensorDataset(x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long())
    loader = DataLoader(data, batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(1))
    model.register_forward_hook(lambda *_: None)
    for x, y in loader:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
    model[1].eval()
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler, "train_loader": loader}


def everything(objects: dict[str, Any]) -> dict[str, object]:
    """Return all state of the objects and of the process that computing could change."""
    model, optimizer, loader = objects["model"], objects["optimizer"], objects["train_loader"]
    return {
        "weights": {k: (v.tolist(), v.data_ptr()) for k, v in model.state_dict().items()},
        "gradients": [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in model.modules()],
        "optimizer": str(optimizer.state_dict()),
        "rates": [g["lr"] for g in optimizer.param_groups],
        "schedule": str(objects["scheduler"].state_dict()),
        "order": loader.generator.get_state().tolist() if loader.generator is not None else None,
        "random": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        "classes": [str(f) for f in (DataLoader.__iter__, torch.Tensor.backward, nn.Module.eval, open, os.rename)],
        "global": (torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype(), str(sys.stdout)),
        "environment": dict(os.environ),
        "folder": sorted(os.listdir()),
    }


def test_a_climb_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, buffers, optimizer, scheduler, generators, order of data, modes, hooks, torch itself and the folder."""
    monkeypatch.chdir(tmp_path)
    objects = made()
    everything(objects)
    before = everything(objects)
    report = torchladder.climb(**objects, loss_fn=nn.CrossEntropyLoss(), to=3, budget=30)

    assert report.rungs[2].state == "passed", str(report)
    assert before == everything(objects)


def test_training_goes_on_as_if_there_had_been_no_climb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that was begun before is finished with the same batches, to the same weights."""
    monkeypatch.chdir(tmp_path)

    def trained(*, climbing: bool) -> list[Any]:
        objects = made(3)
        model, optimizer, batches = objects["model"], objects["optimizer"], iter(objects["train_loader"])
        next(batches)
        if climbing:
            torchladder.climb(**objects, loss_fn=nn.CrossEntropyLoss(), to=3, budget=30)
        for x, y in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return [p.tolist() for p in model.parameters()]

    assert trained(climbing=False) == trained(climbing=True)


class Lines(Dataset[Any]):
    """Samples read from a file that stays open, as they are needed."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.log = path.with_suffix(".log").open("w")

    def __len__(self) -> int:
        return 64

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.file.seek(0 if self.file.tell() > 4000 else self.file.tell())
        self.file.read(1 + i)
        self.log.write(f"{i}\n")
        self.log.flush()
        x = torch.randn(6, generator=torch.Generator().manual_seed(i))
        return x, (x[0] > 0).long()


def test_memory_and_files_that_processes_share_are_parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in shared memory does not train, an open file stays where it was, a log gets no line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.bin").write_bytes(bytes(5000))
    objects = made()
    objects["model"].share_memory()
    data = Lines(tmp_path / "data.bin")
    data.file.read(100)
    objects["train_loader"] = DataLoader(data, batch_size=16)
    before = everything(objects)

    torchladder.climb(**objects, loss_fn=nn.CrossEntropyLoss(), to=3, budget=30)

    assert (os.lseek(data.file.fileno(), 0, os.SEEK_CUR), data.file.tell()) == (4096, 100)
    assert (tmp_path / "data.log").read_text() == ""
    assert before == everything(objects)
    data.file.close()
    data.log.close()


@pytest.mark.slow
def test_workers_that_wait_go_on_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader whose workers stay alive between epochs serves the next epoch after the climb."""
    monkeypatch.chdir(tmp_path)
    objects = made()
    data = objects["train_loader"].dataset
    loader = DataLoader(data, batch_size=16, num_workers=2, persistent_workers=True)
    expected = [y.tolist() for _, y in loader]

    report = torchladder.climb(**objects | {"train_loader": loader}, loss_fn=nn.CrossEntropyLoss(), to=3, budget=60)

    assert report.rungs[2].state == "passed", str(report)
    assert expected == [y.tolist() for _, y in loader]


AFTER_THREADS = """
import torch, torchladder
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 4))
x = torch.randn(4096, 64)
big = torch.randn(1500, 1500)
for _ in range(3):
    (big @ big).relu().sum()
    nn.functional.cross_entropy(model(x), torch.zeros(4096, dtype=torch.long)).backward()
batches = [(x[i::8], (x[i::8, :4]).argmax(1)) for i in range(8)]
report = torchladder.climb(model=model, optimizer=torch.optim.Adam(model.parameters()),
                           loss_fn=nn.CrossEntropyLoss(), train_loader=batches, to=3, budget=60)
(big @ big).sum()
print(torch.get_num_threads(), report.rungs[2].state, report.seconds < 50)
"""


@pytest.mark.slow
def test_a_process_that_has_computed_with_threads_can_be_copied(tmp_path: Path) -> None:
    """The threads of OpenMP do not survive a fork; no experiment waits for them."""
    done = subprocess.run(
        [sys.executable, "-c", AFTER_THREADS], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
    )  # fmt: skip

    assert done.stdout.split() == ["2", "passed", "True"], done.stderr
