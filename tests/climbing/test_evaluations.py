"""Evaluation passes are recognised in programs that really run."""

from pathlib import Path
from typing import Any

import pytest

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.jsonable import from_json
from torchladder.runner.forkserver import run
from torchladder.runner.target import resolve

HEAD = """
import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(96, 4)
y = (x[:, 0] > 0).long()
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
train = DataLoader(TensorDataset(x[:64], y[:64]), 16, shuffle=True)
valid = DataLoader(TensorDataset(x[64:], y[64:]), 16)
loss_of = nn.CrossEntropyLoss()


def epoch():
    model.train()
    for a, b in train:
        optimizer.zero_grad()
        loss_of(model(a), b).backward()
        optimizer.step()
"""
NO_GRAD = """
for _ in range(3):
    epoch()
    model.eval()
    right = 0
    with torch.no_grad():
        for a, b in valid:
            right += (model(a).argmax(1) == b).sum().item()
    print("accuracy", right / 32)
"""
WITH_GRAD = """
for _ in range(3):
    epoch()
    total = 0.0
    for a, b in valid:
        total += loss_of(model(a), b).item()
"""
SALIENCY = """
for _ in range(3):
    epoch()
    model.eval()
    for a, b in valid:
        scores = model(a.requires_grad_())
        torch.autograd.grad(scores.max(1).values.sum(), a)
"""
NO_LOADER = """
def accuracy(inputs, labels):
    model.eval()
    with torch.no_grad():
        return (model(inputs).argmax(1) == labels).float().mean().item()


for _ in range(3):
    model.train()
    for i in range(0, 64, 16):
        optimizer.zero_grad()
        loss_of(model(x[i : i + 16]), y[i : i + 16]).backward()
        optimizer.step()
    print(accuracy(x[:64], y[:64]), accuracy(x[64:], y[64:]))
"""
TEACHER = """
teacher = copy.deepcopy(model)
for _ in range(3):
    for a, b in train:
        with torch.no_grad():
            wanted = teacher(a).softmax(1)
        optimizer.zero_grad()
        (model(a).softmax(1) - wanted).square().mean().backward()
        optimizer.step()
"""
ON_TRAIN = NO_GRAD.replace("in valid", "in train").replace("/ 32", "/ 64")


def passes(body: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[EvaluationFact, ...]:
    (folder / "train.py").write_text(HEAD + body)
    monkeypatch.chdir(folder)
    made = run(
        resolve("train.py", ()),
        "torchladder.experiments.entry:observe",
        {"plan": {}},
        seconds=60,
        scratch=str(folder / "scratch"),
    )
    payload: dict[str, Any] = made.payload or {}
    facts: Facts = from_json(Facts, payload["facts"])
    assert "evaluations" not in facts.failures, facts.failures
    assert made.program.state == "ended"
    printed = [float(line.split()[-1]) for line in made.program.stdout_tail.splitlines() if "accuracy" in line]
    found = facts.evaluations or ()
    assert printed == pytest.approx([e.accuracy for e in found][: len(printed)])
    return found


def test_a_pass_without_gradients(tmp_path: Path, monkeypatch) -> None:
    """Three passes over the validation loader, in evaluation mode, with the accuracy the program prints."""
    found = passes(NO_GRAD, tmp_path, monkeypatch)

    assert [(4, 2, 32, 0, 0), (8, 2, 32, 0, 0), (12, 2, 32, 0, 0)] == [
        (e.step, e.calls, e.rows, e.in_training_mode, e.with_grad) for e in found
    ]
    assert not any(e.loader_trained or e.feeds_training for e in found)
    assert 0.0 == found[0].repeat_change


def test_a_pass_with_gradients_and_in_training_mode(tmp_path: Path, monkeypatch) -> None:
    """No backward pass reaches it; asked again, dropout answers differently only where no gradient is recorded."""
    found = passes(WITH_GRAD, tmp_path, monkeypatch)

    assert [(2, 2, "cross_entropy")] * 3 == [(e.with_grad, e.in_training_mode, e.loss_function) for e in found]


def test_calls_that_something_is_differentiated_through(tmp_path: Path, monkeypatch) -> None:
    """Their graphs are wanted; `autograd.grad` is no backward pass of training."""
    found = passes(SALIENCY, tmp_path, monkeypatch)

    assert [(2, 0)] * 3 == [(e.calls, e.with_grad) for e in found]


def test_sets_without_a_loader_are_told_apart_by_their_callers(tmp_path: Path, monkeypatch) -> None:
    """One function, two calls of it in one line."""
    found = passes(NO_LOADER, tmp_path, monkeypatch)

    assert [64, 32] * 3 == [e.rows for e in found]
    assert all(e.kind == "classes" for e in found)


def test_a_teacher_is_no_evaluation(tmp_path: Path, monkeypatch) -> None:
    """Its answers enter the loss."""
    found = passes(TEACHER, tmp_path, monkeypatch)

    assert all(e.feeds_training for e in found)


def test_a_pass_over_the_training_loader_says_so(tmp_path: Path, monkeypatch) -> None:
    """The accuracy on what was trained on is no held-out figure."""
    found = passes(ON_TRAIN, tmp_path, monkeypatch)

    assert found
    assert all(e.loader_trained and e.data_trained for e in found)
