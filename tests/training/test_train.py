"""The verb from end to end, on every kind of data, and what a person gets for a recipe that does not fit its data."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from torchladder.checkpoints.weights import read_weights
from torchladder.cli.main import main
from torchladder.training import recipe_file

QUICK = ("--no-ladder", "--no-watch")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def result(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Return the figures of a training that must succeed."""
    assert main(["train", *QUICK, "-q", "--json", "result.json", "--force", *words]) == 0
    made: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())
    return made


def test_a_table_is_learnt(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inferred recipe, figures, and everything that is left in the run's folder."""
    made = result(tmp_path, "--data", str(table), "--change", "epochs=12", "--change", "lr=0.01")
    folder = Path(made["folder"])

    assert made["val"]["values"]["accuracy"] > 0.85
    assert made["steps"] == 12 * 5
    assert sum(map(sum, made["val"]["confusion"])) == 30
    assert [c["class"] for c in made["val"]["classes"]] == ["bad", "good"]
    assert made["threshold"][1] >= 2 * made["val"]["classes"][1]["f1"] - 1 - 1e-9
    assert (folder / "curve.png").read_bytes()[:4] == b"\x89PNG"
    recipe = recipe_file.load(folder / "recipe.yaml")
    assert (recipe.training.epochs, recipe.data.train) == (12, str(table))
    assert set(read_weights(folder / "weights.safetensors")) >= {"head.weight", "head.bias"}
    predictions = np.load(folder / "predictions.npz")
    assert predictions["output"].shape == (30, 2)
    right = (predictions["output"].argmax(1) == predictions["target"]).mean()
    assert right == pytest.approx(made["val"]["values"]["accuracy"])


def test_two_trainings_are_the_same_bits(table: Path, tmp_path: Path) -> None:
    """The same recipe twice gives the same weights; another seed does not."""
    first = result(tmp_path, "--data", str(table), "--change", "epochs=2")
    again = result(tmp_path, "--data", str(table), "--change", "epochs=2")
    other = result(tmp_path, "--data", str(table), "--change", "epochs=2", "--change", "seed=1")

    assert first["parameter_sum"] == again["parameter_sum"]
    assert first["parameter_sum"] != other["parameter_sum"]
    assert first["val"]["classes"][0]["samples"] == other["val"]["classes"][0]["samples"]


def test_pictures_are_learnt(pictures: Path, tmp_path: Path) -> None:
    """Ten kinds of digits, well above chance after a few epochs with augmentation and averaged weights."""
    words = ["epochs=8", "batch_size=16", "mixup=0.1", "ema=0.9", "width=32", "crop=0.8", "size=16", "lr=0.01"]
    made = result(tmp_path, "--data", str(pictures), *(w for c in words for w in ("--change", c)))

    assert made["val"]["values"]["accuracy"] > 0.5
    assert len(made["val"]["classes"]) == 10


def test_texts_are_learnt(tmp_path: Path) -> None:
    """A word that decides is found by both readers of texts."""
    rng = np.random.default_rng(0)
    rows = ["text,label"]
    for i in range(200):
        word = ("lovely", "awful")[i % 2]
        rows.append(
            f"it was a {word} day for {rng.integers(9)} people in the town by the sea,{'up' if i % 2 else 'down'}"
        )
    (tmp_path / "text.csv").write_text("\n".join(rows))
    for model in ("text_bag", "text_transformer"):
        changes = (f"model={model}", "text=text", "epochs=4", "width=16", "batch_size=16", "lr=0.01")
        made = result(tmp_path, "--data", "text.csv", *(w for c in changes for w in ("--change", c)))
        assert made["val"]["values"]["accuracy"] == 1.0, model


def test_values_are_learnt(tmp_path: Path) -> None:
    """A line through noise: the error is in the units of the labels."""
    x = np.random.default_rng(0).normal(size=300)
    y = 1000 + 50 * x
    (tmp_path / "line.csv").write_text("x,target\n" + "\n".join(f"{a},{b}" for a, b in zip(x, y, strict=True)))
    made = result(tmp_path, "--data", "line.csv", "--change", "epochs=30", "--change", "lr=0.01")

    assert made["metric"] == "rmse"
    assert made["val"]["values"]["rmse"] < 10
    assert made["val"]["values"]["r2"] > 0.9


def test_the_user_s_model_is_trained(pictures: Path, tmp_path: Path, recipe_file: Callable[[str], Path]) -> None:
    """A factory is asked for as many outputs as there are classes; its last layer is the head."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def make_model(num_classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.LazyLinear(8) if False else nn.Linear(256, 8), nn.ReLU(),\n"
        "                         nn.Linear(8, num_classes))\n"
        "def wrong():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(256, 7))\n"
        "def odd():\n"
        "    return 3\n"
        "def broken(num_classes):\n"
        "    raise ValueError('no such layer')\n"
    )
    path = recipe_file(f"data: {{train: {pictures}}}\nmodel: {{name: 'net.py:make_model'}}\ntraining: {{epochs: 1}}\n")

    assert result(tmp_path, str(path))["epochs"] == 1


def test_a_test_side_is_looked_at_once(table: Path, tmp_path: Path) -> None:
    """It is told apart from the held-out side, which is carved from training."""
    lines = table.read_text().splitlines()
    folder = tmp_path / "sides"
    folder.mkdir()
    (folder / "train.csv").write_text("\n".join(lines[:201]))
    (folder / "test.csv").write_text("\n".join([lines[0], *lines[201:]]))
    made = result(tmp_path, "--data", str(folder), "--change", "epochs=2")

    assert sum(map(sum, made["test"]["confusion"])) == 100
    assert sum(map(sum, made["val"]["confusion"])) == 20


def test_groups_stay_on_one_side(tmp_path: Path) -> None:
    """With a column of groups, no group is both learnt from and held out."""
    rng = np.random.default_rng(0)
    rows = ["x,who,target"] + [f"{rng.normal()},p{i % 20},{('a', 'b')[i % 2]}" for i in range(200)]
    (tmp_path / "g.csv").write_text("\n".join(rows))
    made = result(
        tmp_path, "--data", "g.csv", "--change", "group=who", "--change", "epochs=1", "--change", "val_share=0.2"
    )
    names = np.load(Path(made["folder"]) / "predictions.npz")["samples"]
    held = {(int(n.split()[1]) - 1) % 20 for n in names}

    assert len(names) == 10 * len(held)
    assert len(held) == 4


def test_resuming_a_finished_run_gives_the_same_figures(table: Path, tmp_path: Path) -> None:
    """There is nothing left to train; the best weights are judged again."""
    first = result(tmp_path, "--data", str(table), "--change", "epochs=2")
    again = result(tmp_path, "--resume", first["run"])

    assert (again["val"], again["parameter_sum"]) == (first["val"], first["parameter_sum"])
    assert again["run"] != first["run"]


def test_early_stopping_keeps_the_best(table: Path, tmp_path: Path) -> None:
    """Without a better metric for two epochs it is over."""
    made = result(
        tmp_path, "--data", str(table), "--change", "lr=0.5", "--change", "epochs=50", "--change", "patience=2"
    )

    assert made["epochs"] == made["best_epoch"] + 2 < 50


WRONG = [
    (["train=nowhere"], "there is no file or folder nowhere"),
    (["label=targt"], "has no column 'targt' to take as label; its columns are target"),
    (["classes=3"], "data.classes says 3, and the training labels have 2: bad, good"),
    (["model=small_cn"], "there is no model small_cn; the nearest: small_cnn"),
    (["model=small_cnn"], "small_cnn is not for table; the nearest: mlp"),
    (["model=net.py:make_model"], "there is no file net.py"),
    (["loss.name=mse"], "loss.name: mse is not for labels that are classes"),
    (["task=regression"], "labels such as 'bad' are no values"),
    (["flip=true"], "augment.flip is for pictures"),
    (["cutmix=1.0"], "augment.cutmix does not work on table"),
    (["weights=w.pth"], "model.weights: there is no file w.pth"),
    (["weights='package:no_such_package'"], "there is no package no_such_package"),
    (["precision=fp16", "device=cpu"], "fp16 needs a GPU"),
    (["metric=rmse"], "training.metric: rmse is not measured on this data"),
    (["lr=1e-3"], "optimizer.lr is the text '1e-3'"),
    (["epoch=3"], "epoch is no key of a recipe; the nearest: training.epochs"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG, ids=[c[0][0] for c in WRONG])
def test_what_does_not_fit_gets_one_sentence(
    changes: list[str], words: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is that of wrong usage, and one line says what and where."""
    given = [w for c in changes for w in ("--change", c)]

    assert main(["train", *QUICK, "-q", "--data", str(table), *given]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "words", "status"),
    [
        ("wrong", "gives outputs of shape [2, 7] for 2 samples; the data has 10 classes", 2),
        ("odd", "returned a int, where a torch.nn.Module is due", 2),
        ("broken", "failed by itself at net.py:10: ValueError: no such layer", 3),
        ("missing", "net.py has no missing; it has broken, make_model, odd, wrong", 2),
    ],
)
def test_a_model_that_does_not_fit_gets_one_sentence(
    name: str, words: str, status: int, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    recipe_file: Callable[[str], Path],
) -> None:  # fmt: skip
    """A factory whose outputs are not the classes, that makes no model, or that raises."""
    test_the_user_s_model_is_trained(pictures, tmp_path, recipe_file)
    capsys.readouterr()

    assert main(["train", *QUICK, "-q", "--data", str(pictures), "--change", f"model='net.py:{name}'"]) == status
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name a recipe, such as"),
        (["r.yaml", "--data", "x"], "name only one of them"),
        (["--resume", "nothing"], "there is no run nothing that was made by a recipe"),
        (["--resume", "nothing", "--change", "seed=1"], "--resume goes on exactly as before"),
        (["--data", "x", "--json", "no/such/r.json"], "the folder no/such does not exist"),
        (["--data", "x", "--json", "mine.txt"], "mine.txt is no earlier result"),
    ],
)
def test_impossible_commands_are_refused(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read or trained."""
    Path("mine.txt").write_text("mine")

    assert main(["train", *words]) == 2
    assert sentence in capsys.readouterr().err
    assert Path("mine.txt").read_text() == "mine"


def test_a_loss_that_is_no_number_ends_the_training(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The step is named, the status is that of a finding, and the weights from before are kept."""
    given = ["--change", "lr=1.0e+38", "--change", "clip=0.0", "--change", "optimizer=sgd", "--change", "warmup=0.0"]

    assert main(["train", *QUICK, "-q", "--data", str(table), *given, "--change", "batch_size=16"]) == 1
    assert "the loss of step" in capsys.readouterr().err
    assert list(Path(".torchladder/runs").glob("*/checkpoints/step-*.pt"))


def test_weights_of_another_model_are_refused(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no state dict of the model is named as such, and so is one of other shapes."""
    torch.save({"a": torch.zeros(3)}, "other.pth")

    assert main(["train", *QUICK, "-q", "--data", str(table), "--change", "weights=other.pth"]) == 2
    assert "these are not this model's: 4 of its 6 tensors are missing" in capsys.readouterr().err


def test_weights_of_an_earlier_training_begin_another(table: Path, tmp_path: Path) -> None:
    """Weights to deploy are weights to begin with; the head may be of other classes."""
    first = result(tmp_path, "--data", str(table), "--change", "epochs=1")
    weights = Path(first["folder"]) / "weights.safetensors"
    made = result(tmp_path, "--data", str(table), "--change", f"weights={weights}", "--change", "epochs=1")

    assert made["val"]["values"]["loss"] < first["val"]["values"]["loss"]
    assert math.isfinite(made["temperature"])


def test_what_is_shown_is_whole(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data, model, a line an epoch, the table of classes, the confusion, trust, and where it all is."""
    assert main(["train", *QUICK, "--data", str(table), "--change", "epochs=2"]) == 0
    shown = capsys.readouterr().out

    for words in ("270 to learn from, 30 held out", " kB), 100.0 % learn", "multiply-adds a sample", "epoch   2",
                  "precision", "confusion", "temperature", "weights.safetensors", "recipe"):  # fmt: skip
        assert words in shown
    assert "[2, 2] outputs for 2 samples" in " ".join(shown.split())


@pytest.mark.slow
def test_the_ladder_stops_a_broken_recipe(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A softmax before cross entropy is found in the user's own file; nothing is trained, and the status says so."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, classes):\n"
        "        super().__init__()\n"
        "        self.body = nn.Sequential(nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, classes))\n\n"
        "    def forward(self, x):\n"
        "        return self.body(x).softmax(dim=1)\n\n\n"
        "def make_model(classes):\n"
        "    return Net(classes)\n"
    )
    words = ["--data", str(pictures), "--change", "model='net.py:make_model'", "--change", "batch_size=16"]

    assert main(["train", "--no-watch", "--budget", "60", *words]) == 1
    shown = capsys.readouterr()
    assert "double-softmax" in shown.out
    assert "net.py:10" in shown.out
    assert "the training was not begun" in shown.err
    assert not list(tmp_path.glob(".torchladder/runs/*/checkpoints"))


@pytest.mark.slow
def test_the_ladder_changes_no_bit(table: Path, tmp_path: Path) -> None:
    """With the ladder before it and the monitor beside it, a training ends with the same weights."""
    words = ["--data", str(table), "--change", "epochs=2", "--change", "dropout=0.3"]
    alone = result(tmp_path, *words)
    assert main(["train", "-q", "--budget", "30", "--json", "both.json", *words]) == 0

    assert json.loads((tmp_path / "both.json").read_text())["parameter_sum"] == alone["parameter_sum"]


@pytest.mark.slow
def test_two_processes_train_as_one(table: Path, tmp_path: Path) -> None:
    """Batches, accumulation and the last partial group are shared out exactly: losses agree to float32's precision."""
    words = ["train", *QUICK, "-q", "--data", str(table), "--force"]
    for change in ("epochs=3", "batch_size=33", "accumulate=2", "dropout=0.0"):
        words += ["--change", change]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    done = subprocess.run(
        [*launcher, "-m", "torchladder", *words, "--json", "two.json"], check=False, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert main([*words, "--json", "one.json"]) == 0
    one, two = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("one", "two"))

    for name in ("train/loss", "val/loss"):
        assert [r[name] for r in two["history"]] == pytest.approx([r[name] for r in one["history"]], rel=1e-5)
    assert len(list(tmp_path.glob(".torchladder/runs/*"))) == 2


def test_a_model_that_fails_in_training_is_the_user_s(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A normalisation that needs two samples is given one: one sentence, and the status of a program that failed."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def make_model(classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.BatchNorm1d(8), nn.Linear(8, classes))\n"
    )
    given = ["--change", "model='net.py:make_model'", "--change", "batch_size=1"]

    assert main(["train", *QUICK, "-q", "--data", str(pictures), *given]) == 3
    assert "net.py:make_model fails in training on inputs of shape [1, 1, 16, 16]" in capsys.readouterr().err


def test_a_missing_package_is_named(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Accelerate there is one sentence that says what to install."""
    monkeypatch.setitem(sys.modules, "accelerate", None)

    assert main(["train", *QUICK, "-q", "--data", str(table)]) == 2
    assert "`train` needs Accelerate: pip install 'torchladder[train]'" in capsys.readouterr().err
