"""Logs that the libraries themselves write, in tiny runs, read back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.logs.writing import HELD, TRAIN
from torchladder.diagnosis.diagnose import diagnose, rules_of
from torchladder.logs.curves import curves_of
from torchladder.logs.opening import open_logs

BOTH = list(zip(TRAIN, HELD, strict=True))
DATA = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(96, 4)
y = x @ torch.tensor([1.0, -2.0, 0.5, 0.0]) + 0.05 * torch.randn(96)
"""
LIGHTNING = (
    DATA
    + """
import lightning as L
from torch.utils.data import DataLoader, TensorDataset

class Line(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 1)

    def training_step(self, batch, _):
        loss = nn.functional.mse_loss(self.net(batch[0])[:, 0], batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", nn.functional.mse_loss(self.net(batch[0])[:, 0], batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)

from lightning.pytorch.loggers import CSVLogger
logger = CSVLogger(".", name="logs")
trainer = L.Trainer(max_epochs=8, logger=logger, enable_progress_bar=False, enable_model_summary=False,
                    enable_checkpointing=False, accelerator="cpu")
loaders = [DataLoader(TensorDataset(x[s], y[s]), batch_size=16) for s in (slice(0, 64), slice(64, 96))]
trainer.fit(Line(), *loaders)
"""
)
TRANSFORMERS = (
    DATA
    + """
from transformers import Trainer, TrainingArguments

class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 1)

    def forward(self, x, labels):
        out = self.net(x)[:, 0]
        return {"loss": nn.functional.mse_loss(out, labels), "logits": out}

rows = [{"x": a, "labels": b} for a, b in zip(x, y)]
arguments = TrainingArguments("out", num_train_epochs=8, per_device_train_batch_size=16, eval_strategy="epoch",
    logging_strategy="epoch", save_strategy="epoch", save_total_limit=1, learning_rate=0.05, report_to=[],
    use_cpu=True, disable_tqdm=True)
Trainer(Line(), arguments, train_dataset=rows[:64], eval_dataset=rows[64:]).train()
"""
)


def made(code: str, folder: Path) -> None:
    """Run a program in a folder, as its user would."""
    world = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=folder, env=world, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def the_curves(path: Path) -> tuple[list[float], list[float]]:
    """Return training and held-out losses of the one run there."""
    (table,) = open_logs(path)
    log = curves_of(table)
    assert log.train is not None
    assert log.held is not None
    return list(log.train.values), list(log.held.values)


def test_tensorboard(tmp_path: Path) -> None:
    """The event file of a SummaryWriter."""
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    writer = tensorboard.SummaryWriter(str(tmp_path))
    for epoch, (low, high) in enumerate(BOTH):
        writer.add_scalar("Loss/train", low, epoch)
        writer.add_scalar("Loss/val", high, epoch)
        writer.add_histogram("weights", np.arange(5.0), epoch)
    writer.close()
    train, held = the_curves(tmp_path)

    assert train == pytest.approx(TRAIN)
    assert held == pytest.approx(HELD)


@pytest.mark.slow
@pytest.mark.parametrize(("library", "code", "place"), [
    ("lightning", LIGHTNING, "logs"), ("transformers", TRANSFORMERS, "out"),
])  # fmt: skip
def test_a_trainers_own_log(library: str, code: str, place: str, tmp_path: Path) -> None:
    """Both losses of all eight epochs are found, and the run is sound."""
    pytest.importorskip(library)
    made(code, tmp_path)
    train, held = the_curves(tmp_path / place)
    (table,) = open_logs(tmp_path / place)

    assert (len(train), len(held)) == (8, 8)
    assert held[-1] < 0.5 * held[0]
    assert diagnose(curves_of(table), rules_of()).course.state in {"healthy", "still-improving"}


@pytest.mark.slow
@pytest.mark.parametrize(("uri", "place"), [("file:./mlruns", "mlruns"), ("sqlite:///mlflow.db", "mlflow.db")])
def test_a_store_of_mlflow(uri: str, place: str, tmp_path: Path) -> None:
    """The folder that MLflow keeps its metrics in, and the data base that newer ones do."""
    pytest.importorskip("mlflow")
    body = f"""
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
mlflow.set_tracking_uri({uri!r})
with mlflow.start_run():
    for epoch, (train, held) in enumerate({BOTH!r}):
        mlflow.log_metric("train_loss", train, step=epoch)
        mlflow.log_metric("val_loss", held, step=epoch)
"""
    made(body, tmp_path)
    train, held = the_curves(tmp_path / place)

    assert train == pytest.approx(TRAIN)
    assert held == pytest.approx(HELD)


@pytest.mark.slow
def test_a_run_of_wandb_offline(tmp_path: Path) -> None:
    """The file of its own kind that an offline run leaves."""
    pytest.importorskip("wandb")
    body = f"""
import wandb
run = wandb.init(mode="offline", dir=".", project="p", settings=wandb.Settings(console="off"))
for epoch, (train, held) in enumerate({BOTH!r}):
    run.log({{"train_loss": train, "val_loss": held, "epoch": epoch}})
run.finish()
"""
    made(body, tmp_path)
    train, held = the_curves(tmp_path / "wandb")

    assert train == pytest.approx(TRAIN)
    assert held == pytest.approx(HELD)
