"""The learning-rate range test on programs that really run."""

import ast
import math
from pathlib import Path
from typing import Any

import pytest

from torchladder.core.jsonable import from_json
from torchladder.core.lr_facts import LrSweepFact
from torchladder.core.report import State
from torchladder.ladder import lr as rung
from torchladder.ladder.subject import Subject
from torchladder.runner.target import resolve

# Told prints the rates that each step is really made with.
HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

class Told(torch.optim.SGD):
    def step(self, closure=None):
        print([g["lr"] for g in self.param_groups])
        return super().step(closure)

torch.manual_seed(0)
x = torch.randn(96, 4)
y = x @ torch.tensor([[1.0], [2.0], [-1.0], [0.5]]) + 0.01 * torch.randn(96, 1)
loader = DataLoader(TensorDataset(x, y), 16, shuffle=True)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
"""
PLAIN = """
optimizer = Told(model.parameters(), lr=0.01)
for epoch in range(EPOCHS):
    for a, b in loader:
        loss = nn.functional.mse_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def swept(
    program: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> tuple[LrSweepFact, list[list[float]], str]:
    """Sweep a program: the fact, the rates its steps were made with, how it ended."""
    (folder / "train.py").write_text(HEAD + program)
    monkeypatch.chdir(folder)
    sweep = {"phase": 0, "start": 1e-6, "end": 10.0, "steps": 60, "limit": 30.0, "again": True, **options}
    with Subject(resolve("train.py", []), 60, lambda _: None) as subject:
        seen = subject.run("lr_sweep", {"plan": {"dense_steps": 1}, "sweep": sweep}, 40)
        assert seen.payload is not None, (seen.failure, seen.program)
        fact: LrSweepFact = from_json(LrSweepFact, seen.payload["sweep"])
        printed = (Path(subject._scratch.name) / "1" / "stdout.txt").read_text()
    assert () == subject.changed_files
    return fact, [ast.literal_eval(line) for line in printed.splitlines() if line.startswith("[")], printed


def test_rates_rise_evenly_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is made with the next rate, by the same factor, and each loss belongs to one."""
    fact, used, _ = swept(PLAIN.replace("EPOCHS", "40"), tmp_path, monkeypatch, end=0.1, again=False)

    assert "done" == fact.ended
    assert 60 == len(fact.lrs) == len(fact.losses)
    assert list(fact.lrs) == pytest.approx([u[0] for u in used[:60]])
    factors = [b / a for a, b in zip(fact.lrs, fact.lrs[1:], strict=False)]
    assert min(factors) == pytest.approx(max(factors), rel=1e-6)
    assert 1e-6 == pytest.approx(fact.lrs[0])
    assert fact.losses[-1] < fact.losses[0]
    assert 0 == fact.served_again


def test_a_loader_that_ends_is_served_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of 12 steps is swept in 60: its one epoch goes on."""
    fact, _, _ = swept(PLAIN.replace("EPOCHS", "2"), tmp_path, monkeypatch, end=0.1)

    assert "done" == fact.ended
    assert 60 == len(fact.lrs)
    assert fact.served_again > 0


def test_groups_and_schedules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratio of groups is kept; a one-cycle schedule has no say and does not complain of too many steps."""
    program = """
optimizer = Told([{"params": model[0].parameters(), "lr": 1e-3}, {"params": model[2].parameters()}], lr=1e-2)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[1e-3, 1e-2], total_steps=12)
for epoch in range(2):
    for a, b in loader:
        loss = nn.functional.mse_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    torch.save(schedule.state_dict(), "schedule.pt")
"""
    fact, used, _ = swept(program, tmp_path, monkeypatch, end=0.1)

    assert "done" == fact.ended
    assert fact.scheduled
    assert (0.1, 1.0) == pytest.approx(fact.ratios)
    assert all(low == pytest.approx(0.1 * high) for low, high in used)
    assert list(fact.lrs) == pytest.approx([high for _, high in used[:60]])


def test_a_warm_up_from_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule that begins at 0 is overridden from the first step on."""
    program = PLAIN.replace("EPOCHS", "40").replace(
        "for epoch",
        "warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(n / 50, 1.0))\nfor epoch",
    )
    fact, used, _ = swept(program + "        warm.step()\n", tmp_path, monkeypatch, end=0.1)

    assert "done" == fact.ended
    assert list(fact.lrs) == pytest.approx([u[0] for u in used[:60]])


def test_accumulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three passes a step are one point of the curve: their mean."""
    program = """
optimizer = Told(model.parameters(), lr=0.01)
step = 0
while True:
    for a, b in loader:
        loss = nn.functional.mse_loss(model(a), b) / 3
        print("loss", loss.item())
        loss.backward()
        step += 1
        if step % 3 == 0:
            optimizer.step()
            optimizer.zero_grad()
"""
    fact, used, printed = swept(program, tmp_path, monkeypatch, end=0.1)
    losses = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("loss")]

    assert 60 == len(fact.lrs)
    assert list(fact.lrs) == pytest.approx([u[0] for u in used[:60]])
    assert sum(losses[3:6]) / 3 == pytest.approx(fact.losses[0])


def test_nan_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two losses that are no numbers end it, and what was seen before is kept."""
    program = PLAIN.replace("EPOCHS", "40").replace("b)\n", "b)\n        loss = loss.log().exp() if 1 else loss\n", 1)
    program = program.replace(
        "loss.log().exp() if 1 else loss",
        "loss * (float('nan') if sum(p.abs().sum() for p in model.parameters()) > 60 else 1)",
    )
    fact, _, _ = swept(program, tmp_path, monkeypatch, end=100.0)

    assert "diverged" == fact.ended
    assert any(map(math.isfinite, fact.losses))


def test_a_scaled_loss_is_seen_unscaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factor of a GradScaler is not part of the curve."""
    program = """
optimizer = Told(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
while True:
    for a, b in loader:
        loss = nn.functional.mse_loss(model(a), b)
        print("loss", loss.item())
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
"""
    fact, _, printed = swept(program, tmp_path, monkeypatch, end=0.1)
    losses = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("loss")]

    assert losses[0] == pytest.approx(fact.first_loss)
    assert losses[1:20] == pytest.approx(list(fact.losses[:19]))


def test_optimizers_that_share_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two optimizers of one backward pass are raised together, their ratio kept."""
    program = """
first, second = Told(model[0].parameters(), lr=0.01), Told(model[2].parameters(), lr=0.001)
while True:
    for a, b in loader:
        model.zero_grad()
        nn.functional.mse_loss(model(a), b).backward()
        first.step()
        second.step()
"""
    fact, used, _ = swept(program, tmp_path, monkeypatch, end=0.1)

    assert "done" == fact.ended
    assert 2 == fact.optimizers
    assert all(b == pytest.approx(0.1 * a) for (a,), (b,) in zip(used[::2], used[1::2], strict=False))


def test_a_game_of_two_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimizers that take turns with losses of their own have no common curve."""
    program = """
first, second = Told(model[0].parameters(), lr=0.01), Told(model[2].parameters(), lr=0.01)
while True:
    for a, b in loader:
        model.zero_grad()
        nn.functional.mse_loss(model(a), b).backward()
        first.step()
        model.zero_grad()
        (-nn.functional.mse_loss(model(a), b)).backward()
        second.step()
"""
    fact, _, _ = swept(program, tmp_path, monkeypatch)

    assert "refused" == fact.ended
    assert "take turns" in str(fact.reason)


def test_a_closure_that_computes_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step with a closure is swept like any other, LBFGS is refused."""
    program = """
optimizer = OPTIMIZER(model.parameters(), lr=0.01)
def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    return loss
for epoch in range(100):
    optimizer.step(closure)
"""
    fact, _, _ = swept(program.replace("OPTIMIZER", "torch.optim.Adam"), tmp_path, monkeypatch, end=0.1)
    assert ("done", 60) == (fact.ended, len(fact.lrs))

    fact, _, _ = swept(program.replace("OPTIMIZER", "torch.optim.LBFGS"), tmp_path, monkeypatch)
    assert "refused" == fact.ended
    assert "LBFGS" in str(fact.reason)


def judged(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    """Run the whole rung on a program."""
    (folder / "train.py").write_text(HEAD + program)
    monkeypatch.chdir(folder)
    kept: dict[str, bytes] = {}
    report = rung.lr(resolve("train.py", []), budget=60, settings=rung.Settings(**settings), keep=kept.__setitem__)
    assert {"train.py"} == {p.name for p in folder.iterdir()}, "nothing may be left in the program's folder"
    return report, report.rungs[0], kept


def test_updates_by_hand_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no optimizer to raise the rate of, and the report says so."""
    program = """
for epoch in range(5):
    for a, b in loader:
        nn.functional.mse_loss(model(a), b).backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.01 * p.grad
                p.grad = None
"""
    report, row, _ = judged(program, tmp_path, monkeypatch)

    assert State.UNKNOWN is row.state
    assert "by hand" in row.summary
    assert "undecided" == report.verdict


@pytest.mark.slow
def test_a_rate_far_too_low_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suggestion does better by far, is checked on held-out data, and scaled for another batch."""
    program = """
optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)
xv = torch.randn(200, 4)
yv = xv @ torch.tensor([[1.0], [2.0], [-1.0], [0.5]])
for epoch in range(20):
    for a, b in loader:
        loss = nn.functional.mse_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(nn.functional.mse_loss(model(xv), yv).item())
"""
    report, row, kept = judged(program, tmp_path, monkeypatch, batch_size=64)

    assert State.PASSED is row.state
    assert 1e-3 < row.facts["suggestion"] < 1
    assert "held-out loss" == row.facts["compared_by"]
    assert any(n.startswith("warning: the program's own 1e-06 learns") for n in row.notes)
    assert any("batch size 16 -> 64" in n and "square-root" in n for n in row.notes)
    assert kept["lr.csv"].startswith(b"lr,loss,smoothed\n")
    assert kept["lr.png"].startswith(b"\x89PNG")
    assert ("lr.png",) == report.pictures


@pytest.mark.slow
def test_nothing_to_learn_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets without relation to the inputs, one batch each: no rate is made up."""
    program = """
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for step in range(150):
    loss = nn.functional.mse_loss(0 * model(torch.randn(16, 4)), torch.randn(16, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
    _, row, _ = judged(program, tmp_path, monkeypatch)

    assert State.UNKNOWN is row.state
    assert row.facts["suggestion"] is None


@pytest.mark.slow
def test_few_steps_sweep_the_whole_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop of 40 steps without a loader is swept in the steps that there are; five are too few."""
    program = """
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(STEPS):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
    _, row, kept = judged(program.replace("STEPS", "40"), tmp_path, monkeypatch)
    lines = kept["lr.csv"].decode().splitlines()
    assert 30 < len(lines) <= 41
    assert float(lines[-1].split(",")[0]) > 0.5

    _, row, _ = judged(program.replace("STEPS", "5"), tmp_path, monkeypatch)
    assert State.UNKNOWN is row.state
    assert "only" in row.summary
