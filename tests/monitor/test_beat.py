"""The short path of a step: what it notes, when it asks the eye, and what a kill leaves of it."""

import itertools
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

import torchladder
from torchladder.monitor import beat as beats
from torchladder.monitor.monitor import Monitor
from torchladder.runs.index import runs_in
from torchladder.runs.series import loss_curves

KILLS = 8
PROGRAM = """
import sys, torch, torchladder
torch.manual_seed(0)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
x = torch.randn(16, 8)
with torchladder.watch(quiet=True):
    for step in range(10**6):
        loss = model(x).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sys.stdout.write(f"{step} {loss.item()!r}\\n")
        sys.stdout.flush()
"""


def train(steps: int, *, losses: list[float] | None = None) -> None:
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x = torch.randn(16, 8)
    for _ in range(steps):
        loss = model(x).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if losses is not None:
            losses.append(loss.item())


def test_every_loss_is_kept_though_few_steps_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record has the program's own losses, in order; the eye was asked at a tenth of the steps."""
    asked = []
    look = Monitor.after_step

    def counted(self: Monitor, optimizer: object) -> None:
        asked.append(self.hand.step)
        look(self, optimizer)

    monkeypatch.setattr(Monitor, "after_step", counted)
    losses: list[float] = []
    with torchladder.watch(folder=tmp_path, quiet=True) as run:
        train(1500, losses=losses)

    (curve,) = loss_curves(run.folder)
    assert losses == curve.values
    assert list(range(1500)) == curve.steps
    assert 1500 == run.monitor.step == run.monitor.history.phases[0].steps
    assert len(asked) < 150
    assert max(b - a for a, b in itertools.pairwise(asked)) <= beats.STEPS
    assert not (run.folder / "last-steps.bin").exists(), "every step has its line"


def test_a_slow_step_is_looked_at_as_often_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat rests for a time, not for steps alone."""
    monkeypatch.setattr(beats, "SECONDS", 0.0)
    with torchladder.watch(folder=tmp_path, quiet=True) as run:
        train(60)
        assert run.monitor.step == 60, "every step is taken in at once"


def test_a_nan_wakes_the_eye_at_its_step() -> None:
    """In the middle of a rest, before the optimizer steps."""
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x = torch.randn(16, 8)
    with torchladder.watch(folder=None, quiet=True) as run:
        for step in range(330):
            out = model(x).pow(2).mean()
            loss = torch.log(out * (0.0 if step == 317 else 1.0) - (1.0 if step == 317 else 0.0))
            optimizer.zero_grad()
            loss.backward()
            if step == 317:
                assert not run.monitor.beat.resting
                assert (run.monitor.tracer.found.step, run.monitor.tracer.found.function) == (317, "log")
                break
            optimizer.step()


def test_several_optimizers_keep_their_own_losses(tmp_path: Path) -> None:
    """Taken in together, told apart."""
    torch.manual_seed(0)
    models = [nn.Linear(4, 1), nn.Linear(4, 1)]
    optimizers = [torch.optim.SGD(m.parameters(), lr=r) for m, r in zip(models, (1e-3, 2e-3), strict=True)]
    x = torch.randn(16, 4)
    losses: tuple[list[float], list[float]] = ([], [])
    with torchladder.watch(folder=tmp_path, quiet=True) as run:
        for _ in range(200):
            for i in (0, 1, 1):
                loss = models[i](x).pow(2).mean()
                optimizers[i].zero_grad()
                loss.backward()
                optimizers[i].step()
                losses[i].append(loss.item())
    curves = loss_curves(run.folder)
    assert [("loss", losses[0]), ("loss.1", losses[1])] == [(c.name, c.values) for c in curves]
    assert [200, 400] == [p.steps for p in run.monitor.history.phases]
    assert [{1e-3}, {2e-3}] == [set(p.lrs.values) for p in run.monitor.history.phases]


@pytest.mark.slow
def test_a_kill_loses_at_most_the_step_in_flight(tmp_path: Path) -> None:
    """The real thing: a watched program that is killed in the midst of a rest."""
    chance = random.Random(3)
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(50)]
            time.sleep(chance.random() * 0.2)
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.read().splitlines()
        printed = [float(line.split()[1]) for line in lines if len(line.split()) == 2]
        newest = runs_in(tmp_path / ".torchladder/runs")[0]
        (curve,) = loss_curves(tmp_path / ".torchladder/runs" / newest.id)
        assert newest.state == "killed"
        # Each step is printed after it was noted, so the record has all that was printed and at most one more.
        assert curve.values[: len(printed)] == printed or curve.values == printed[: len(curve.values)]
        assert len(printed) - 1 <= len(curve.values) <= len(printed) + 1
