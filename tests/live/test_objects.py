"""Live objects and trainers climb as scripts do; what is wrong with the user's parts is named."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torchladder
from torchladder.core.errors import UsageError
from torchladder.core.report import Report
from torchladder.live.shown import shown
from torchladder.runner import forkserver

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Net(nn.Module):
    """A small classifier that may end in a softmax it should not have."""

    def __init__(self, *, softmax: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 64), nn.ReLU())
        self.head = nn.Linear(64, 4)
        self.softmax = softmax

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, or what a fault makes of them."""
        out: torch.Tensor = self.head(self.body(x))
        return torch.softmax(out, dim=1) if self.softmax else out


class Returning(Net):
    """A model that computes its loss itself, from named arguments."""

    def forward(self, ids: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """Return loss and logits."""
        logits = super().forward(ids)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def data() -> TensorDataset:
    x = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    return TensorDataset(x, x[:, :4].argmax(1))


def loop_around(model: nn.Module, **other: Any) -> dict[str, Any]:
    return {
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "loss_fn": nn.CrossEntropyLoss(),
        "train_loader": DataLoader(data(), batch_size=32, shuffle=True),
        "val_loader": DataLoader(data(), batch_size=100),
        "to": 3,
        "budget": 30,
    } | other


def as_dicts(names: tuple[str, str]) -> list[dict[str, torch.Tensor]]:
    return [dict(zip(names, batch, strict=True)) for batch in DataLoader(data(), batch_size=40, shuffle=True)]


def one_shot() -> Iterator[Any]:
    yield from DataLoader(data(), batch_size=40, shuffle=True)


def said(report: Report) -> list[str]:
    return [f.message for f in report.findings if f.severity != "note"]


class Named(Net):
    """A model called by the names of its inputs."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return super().forward(ids)


def _scheduled() -> dict[str, Any]:
    parts = loop_around(Net(), epochs=4)
    parts["scheduler"] = torch.optim.lr_scheduler.OneCycleLR(parts["optimizer"], 1e-2, total_steps=4 * 13)
    return parts


HEALTHY = {
    "pairs": lambda: loop_around(Net()),
    "schedule": _scheduled,
    "own loss": lambda: loop_around(
        Returning(), loss_fn=None, train_loader=as_dicts(("ids", "labels")), val_loader=None
    ),
    "named target": lambda: loop_around(Named(), train_loader=as_dicts(("ids", "label")), val_loader=None),
    "step": lambda: loop_around(Net(), loss_fn=None, step=lambda m, b: nn.functional.cross_entropy(m(b[0]), b[1])),
    "no target": lambda: loop_around(
        nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 8)), loss_fn=nn.MSELoss(),
        train_loader=DataLoader(TensorDataset(data().tensors[0]), batch_size=32, shuffle=True), val_loader=None,
    ),
    "iterator": lambda: loop_around(Net(), train_loader=one_shot(), val_loader=None),
}  # fmt: skip


@pytest.mark.parametrize("kind", HEALTHY)
def test_correct_parts_climb_in_silence(kind: str) -> None:
    """Every form of batch and loss is trained on one batch, and nothing is said."""
    torch.manual_seed(0)
    report = torchladder.climb(**HEALTHY[kind]())

    assert said(report) == []
    assert report.rungs[2].state == "passed", str(report)


def test_a_fault_of_the_model_is_shown_in_its_forward() -> None:
    """The line is the user's; the loss call, which is in a loop of ours, is the line of the climb."""
    report = torchladder.climb(**loop_around(Net(softmax=True)))

    assert report.cause is not None
    assert (report.cause.code, report.cause.where[0].function) == ("TL201", "Net.forward")
    assert report.cause.fixes[0].verified
    assert all("torchladder" not in Path(p.path).parts for p in report.cause.where)


def test_an_optimizer_that_holds_half_of_the_model_is_named() -> None:
    """It was made before anybody looked, and so was the layer it leaves out."""
    model = Net()
    report = torchladder.climb(**loop_around(model, optimizer=torch.optim.SGD(model.body.parameters(), lr=0.05)))

    assert report.cause is not None
    assert report.cause.code == "TL408"


def test_a_model_that_was_trained_before_is_not_taken_for_a_fresh_one() -> None:
    """A head alone is tuned on a body whose weights are no first draw: nothing is said."""
    model = Net()
    with torch.no_grad():
        for p in model.body.parameters():
            p.add_(0.3 * torch.randn_like(p))
    report = torchladder.climb(**loop_around(model, optimizer=torch.optim.Adam(model.head.parameters(), lr=1e-2)))

    assert said(report) == []


IN_A_FRESH_INTERPRETER = """
import torch, torchladder
from torch import nn
from torchladder.runner import forkserver
forkserver.can_fork = lambda: False
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))
    def forward(self, x):
        return torch.softmax(self.layers(x), dim=1)
x = torch.randn(320, 8)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
batches = [(x[i::10], x[i::10, :4].argmax(1)) for i in range(10)]
report = torchladder.climb(model=model, optimizer=optimizer, loss_fn=nn.CrossEntropyLoss(), train_loader=batches, to=3)
print(report.cause.code, *report.cause.where)
"""


@pytest.mark.slow
def test_where_no_fork_is_possible_the_objects_travel(tmp_path: Path) -> None:
    """A class of the main program goes to a fresh interpreter, and findings come back with its lines."""
    (tmp_path / "train.py").write_text(IN_A_FRESH_INTERPRETER)
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip

    assert done.stdout.split() == ["TL201", "train.py:11", "train.py:16"], done.stderr


def test_what_cannot_travel_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the way out."""
    monkeypatch.setattr(forkserver, "can_fork", lambda: False)

    with pytest.raises(UsageError, match="climb the same program as a script"):
        torchladder.climb(**loop_around(Net(), train_loader=one_shot()))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "name a program"),
        ({"model": nn.Linear(1, 1)}, "optimizer= is missing"),
        ({"program": "train.py", "model": nn.Linear(1, 1)}, "not both"),
        ({"program": "absent.py"}, "no such file"),
        ({"trainer": object()}, "trainer= is a object"),
        ({"model": 1, "optimizer": 2, "train_loader": []}, "model= is a int"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(given: dict[str, Any], words: str) -> None:
    """One sentence each."""
    with pytest.raises(UsageError, match=words):
        torchladder.climb(**given)


def test_a_model_without_a_loss_is_explained() -> None:
    """The program failed, and the sentence says what to give."""
    report = torchladder.climb(**loop_around(Net(), loss_fn=None, step=None, train_loader=[(torch.randn(4, 8),)]))

    assert report.exit_status == 3
    assert "give `loss_fn=`" in report.sentence


def test_an_error_of_the_model_is_its_own() -> None:
    """The traceback ends in the user's forward, without a line of ours."""
    report = torchladder.climb(**loop_around(nn.Sequential(nn.Linear(5, 4))))

    assert "mat1 and mat2" in report.sentence or report.cause is not None
    assert report.error is None or "torchladder/runner" not in report.error["traceback"]


def test_a_report_shows_itself_and_escapes_what_is_not_ours() -> None:
    """Text when printed; HTML in a notebook, in which nothing of the user's is markup."""
    evil = "<script>alert(1)</script>"
    report = shown(Report(1, "0", evil, "undecided", f"{evil} & more", None, (), ()))

    assert evil in str(report)
    assert evil not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()


def test_a_path_climbs_as_before(tmp_path: Path) -> None:
    """A script given as a path is resolved and run."""
    (tmp_path / "train.py").write_text("print('no training here')\n")
    report = torchladder.climb(tmp_path / "train.py", to=1, budget=20)

    assert report.exit_status == 3
