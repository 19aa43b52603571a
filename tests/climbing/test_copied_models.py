"""A model under observation can be copied and pickled like any other."""

from pathlib import Path

import pytest

from torchladder.runner.forkserver import run
from torchladder.runner.target import resolve

PROGRAM = """
import copy, io, pickle
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
x, y = torch.randn(16, 4), torch.randint(0, 2, (16,))


def step(net, optimizer):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()


for _ in range(5):
    step(model, optimizer)
twin = copy.deepcopy(model)
step(twin, torch.optim.SGD(twin.parameters(), 0.1))
file = io.BytesIO()
torch.save(model, file)
file.seek(0)
again = torch.load(file, weights_only=False)
step(again, torch.optim.SGD(again.parameters(), 0.1))
print(torch.equal(again(x), twin(x)), len(pickle.dumps(model)) < 20_000)
"""


@pytest.mark.parametrize("light", [False, True])
def test_copies_and_pickles_leave_the_observer_behind(light: bool, tmp_path: Path, monkeypatch) -> None:
    """Hooks of ours on the model are neither a burden nor an error."""
    (tmp_path / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    made = run(
        resolve("train.py", ()),
        "torchladder.experiments.entry:observe",
        {"plan": {"light": light}},
        seconds=60,
        scratch=str(tmp_path / "scratch"),
    )

    assert ("ended", "True True") == (made.program.state, made.program.stdout_tail.strip()), made.program.error
