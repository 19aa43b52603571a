"""Three planted bugs against three cheap checks, without a full run: each bug is caught by at least one.

The checks: the loss at initialisation (rung 2), the batch as a picture (rung 1), and one batch (rung 3).
"""

from pathlib import Path

import numpy as np
import pytest

from torchladder.core.report import Report, State
from torchladder.ladder.climb import climb
from torchladder.ladder.pictures import load_batch
from torchladder.ladder.subject import Subject
from torchladder.runner.target import resolve

SPECIMEN = (Path(__file__).parents[2] / "src/torchladder/specimens/digits_mlp.py").read_text()
MADE = "model = MLP()\n"
LABELS = "labels = torch.tensor(digits.target)"
BUGS = {
    "frozen": (MADE, f"{MADE}model.requires_grad_(False)\n"),
    "shifted": (LABELS, "labels = (torch.tensor(digits.target) + 1) % 10"),
    "rate 0": ("lr=2e-3", "lr=0.0"),
}


def sick(bug: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the specimen with one bug into a folder and go there."""
    healthy, broken = BUGS[bug]
    assert SPECIMEN.count(healthy) == 1
    (folder / "train.py").write_text(SPECIMEN.replace(healthy, broken))
    monkeypatch.chdir(folder)


def checked(bug: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    sick(bug, folder, monkeypatch)
    return climb(resolve("train.py", ()), to=3, budget=60)


def start(report: Report) -> float:
    """Return the loss at step 0."""
    value = report.rungs[1].facts["loss_at_step_0"]
    assert isinstance(value, float)
    return value


@pytest.mark.slow
@pytest.mark.parametrize(("bug", "cause"), [("frozen", "frozen-parameters"), ("rate 0", "lr-zero")])
def test_one_batch_catches_what_cannot_move(bug: str, cause: str, tmp_path: Path, monkeypatch) -> None:
    """The loss at initialisation is right in both, so only training one batch (or its wiring) shows them."""
    report = checked(bug, tmp_path, monkeypatch)

    assert report.cause is not None
    assert cause == report.cause.name
    if bug == "rate 0":
        assert start(report) == pytest.approx(np.log(10), rel=0.05)
        assert State.FAILED is report.rungs[2].state


@pytest.mark.slow
def test_only_the_batch_shows_labels_shifted_by_one_modulo_k(tmp_path: Path, monkeypatch) -> None:
    """A relabelling starts at chance and is memorised like any other; the batch shows a 0 that is called 1."""
    report = checked("shifted", tmp_path, monkeypatch)
    with Subject(resolve("train.py", ()), 60, lambda _: None) as subject:
        subject.observe()
        batch = subject.batch or load_batch(None)
    from sklearn.datasets import load_digits

    digits = load_digits()
    assert batch is not None
    assert batch.y is not None
    known = {tuple(np.round(row / 16, 4)): int(label) for row, label in zip(digits.data, digits.target, strict=True)}
    shown = [(known[tuple(np.round(x, 4))], int(y)) for x, y in zip(batch.x, batch.y, strict=True)]

    assert report.cause is None
    assert start(report) == pytest.approx(np.log(10), rel=0.05)
    assert State.PASSED is report.rungs[2].state
    assert shown
    assert all(y == (true + 1) % 10 for true, y in shown)
