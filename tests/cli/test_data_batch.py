"""``torchladder data batch``: a picture, the figures and the contract of one real batch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from torchladder.cli.main import main

SPECIMENS = Path(__file__).parents[2] / "src" / "torchladder" / "specimens"
LOADERS = """
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset
from sklearn.datasets import load_digits

D = load_digits()

class Normalize:
    mean, std = [0.5], [0.25]
    def __call__(self, x):
        return (x - 0.5) / 0.25

class Digits(Dataset):
    classes = list("abcdefghij")
    def __init__(self):
        self.transform = Normalize()
    def __len__(self):
        return 1797
    def __getitem__(self, i):
        return self.transform(torch.tensor(D.images[i] / 16).float()[None]), int(D.target[i])

def good():
    return DataLoader(Digits(), batch_size=32, shuffle=True)

def bytes_last():
    x = torch.tensor(D.images[..., None].repeat(3, 3)) * 15.9
    return DataLoader(TensorDataset(x, torch.tensor(D.target).float()), batch_size=16)

def spoiled():
    x = torch.tensor(D.data / 16).float()
    x[3, 2] = float("nan")
    return DataLoader(TensorDataset(x, torch.tensor(D.target)), batch_size=16)

class Letters(Dataset):
    itos = dict(enumerate("abcdefgh"))
    def __len__(self):
        return 8
    def __getitem__(self, i):
        return torch.tensor([0, 1, 2, i]), 1

def text():
    return DataLoader(Letters(), batch_size=4)

def fails():
    raise ValueError("no disk")

def empty():
    return []

def number():
    return 7
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("loaders.py").write_text(LOADERS)
    return tmp_path


def batch(*words: str) -> tuple[int, dict[str, Any]]:
    status = main(["data", "batch", "--json", "r.json", *words])
    return status, json.loads(Path("r.json").read_text()) if Path("r.json").exists() else {}


def states(report: dict[str, Any]) -> dict[str, str]:
    return {c["check"]: c["state"] for c in report["rungs"][0]["facts"]["checks"]}


def test_a_good_loader_keeps_the_contract_and_is_drawn(here: Path, capsys) -> None:
    """Normalisation is undone with the loader's own figures, classes are called by their names."""
    status, report = batch("--png", "b.png", "loaders.py:good")

    out = capsys.readouterr().out
    assert status == 0
    assert set(states(report).values()) == {"passed"}
    assert "normalisation undone: mean 0.5, deviation 0.25; then 0 to 1" in " ".join(out.split())
    assert Path("b.png").read_bytes().startswith(b"\x89PNG")
    assert report["pictures"] == ["batch.png"]


def test_what_a_loop_would_have_to_repair_is_remarked() -> None:
    """Channels last and bytes are remarks: a loop may repair them, so the status is 0."""
    status, report = batch("loaders.py:bytes_last")

    assert status == 0
    assert report["verdict"] == "undecided"
    assert {k for k, v in states(report).items() if v == "failed"} == {"inputs", "type", "range"}
    assert {f["severity"] for f in report["findings"]} == {"note"}


def test_values_that_are_not_finite_are_a_warning() -> None:
    """One NaN in a batch."""
    status, report = batch("--fail-on", "warning", "loaders.py:spoiled")

    assert status == 1
    assert report["cause"]["code"] == "TL129"
    assert states(report)["finite"] == "failed"


def test_ids_are_read_as_text(capsys) -> None:
    """The data set's own table of characters."""
    status, _ = batch("loaders.py:text")

    assert status == 0
    assert '"abcd"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["loaders.py:fails"], 3, "no disk"),
        (["loaders.py:empty"], 2, "without batches"),
        (["loaders.py:number"], 2, "cannot be iterated"),
        (["loaders.py:nothing"], 2, "has no 'nothing'"),
        (["nothing.csv"], 2, "no file or folder"),
        ([], 2, "name what to take"),
    ],
)
def test_what_gives_no_batch_is_one_sentence(words: list[str], status: int, sentence: str, capsys) -> None:
    """The status tells whose fault it is."""
    assert main(["data", "batch", *words]) == status
    assert sentence in capsys.readouterr().err


def test_a_table_is_summed_up_column_by_column(capsys) -> None:
    """Range and mean of every column; nothing is drawn, so --png is refused."""
    load_breast_cancer(as_frame=True).frame.to_csv("cancer.csv", index=False)

    status, report = batch("cancer.csv")

    assert status == 0
    assert len(report["rungs"][0]["facts"]["columns"]) == 30
    assert "6.981 to 28.11, mean 14.13" in capsys.readouterr().out
    assert main(["data", "batch", "--png", "b.png", "cancer.csv"]) == 2
    assert not Path("b.png").exists()


def test_pictures_on_disk_are_shown_as_they_are(capsys) -> None:
    """No transform was applied, and that is said."""
    d = load_digits()
    np.savez("digits.npz", x=(d.images * 15).astype(np.uint8), y=d.target)

    status, report = batch("digits.npz")

    assert status == 0
    assert report["pictures"] == ["batch.png"]
    assert "no transform of a program has been applied" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_a_program_shows_what_its_model_was_given() -> None:
    """The batch of a healthy specimen: labels are held against the loss that was called."""
    status, report = batch(str(SPECIMENS / "digits_cnn.py"))

    labels = next(c for c in report["rungs"][0]["facts"]["checks"] if c["check"] == "labels")
    assert status == 0
    assert labels["state"] == "passed"
    assert "cross_entropy" in labels["expected"]
    assert report["pictures"] == ["batch.png"]
