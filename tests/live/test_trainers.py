"""Trainers of other libraries climb as live objects; the originals are not trained."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torchladder

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def state_of(model: nn.Module) -> dict[str, Any]:
    return {name: t.tolist() for name, t in model.state_dict().items()}


def lightning_parts(*, softmax: bool) -> dict[str, Any]:
    lightning = pytest.importorskip("lightning")

    class Digits(lightning.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            x, y = batch
            out = self.net(x)
            return F.cross_entropy(out.softmax(1) if softmax else out, y)

        def validation_step(self, batch: Any, _: int) -> None:
            x, y = batch
            self.log("loss", F.cross_entropy(self.net(x), y))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=3e-3)

    torch.manual_seed(0)
    x = torch.randn(640, 8)
    loader = DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=32, shuffle=True)
    trainer = lightning.Trainer(max_epochs=3, accelerator="cpu", logger=False, enable_progress_bar=False)
    return {"trainer": trainer, "model": Digits(), "train_loader": loader, "val_loader": loader, "to": 3, "budget": 90}


def test_a_lightning_trainer_climbs_and_stays_untrained() -> None:
    """Three epochs of twenty batches are enough to be judged: the one batch gets the steps it needs."""
    parts = lightning_parts(softmax=False)
    before = state_of(parts["model"])
    report = torchladder.climb(**parts)

    assert (report.verdict, report.findings) == ("healthy", ()), str(report)
    assert before == state_of(parts["model"])
    assert (parts["trainer"].current_epoch, parts["trainer"].fit_loop.max_epochs) == (0, 3)
    assert os.listdir() == []


def test_a_fault_in_a_lightning_module_is_shown_in_its_step() -> None:
    """Softmax before the loss."""
    report = torchladder.climb(**lightning_parts(softmax=True))

    assert report.cause is not None
    assert report.cause.code == "TL201"
    assert (report.cause.where[0].function or "").endswith("Digits.training_step")


def test_a_trainer_of_transformers_climbs() -> None:
    """A tiny BERT; nothing is said, and the original is not trained."""
    transformers = pytest.importorskip("transformers")
    transformers.set_seed(0)
    ids = torch.randint(4, 10, (600, 12))
    data = [{"input_ids": i, "labels": y} for i, y in zip(ids, ((ids == 5).sum(1) > 1).long(), strict=True)]
    config = transformers.BertConfig(
        vocab_size=10, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=16, num_labels=2,
    )  # fmt: skip
    arguments = transformers.TrainingArguments(
        output_dir="out", num_train_epochs=2, per_device_train_batch_size=32, learning_rate=2e-3, report_to=[],
        use_cpu=True, disable_tqdm=True, save_strategy="epoch",
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config)
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=data)
    before = state_of(model)
    report = torchladder.climb(trainer=trainer, to=3, budget=90)

    assert (report.verdict, report.findings) == ("healthy", ()), str(report)
    assert before == state_of(model)
    assert arguments.num_train_epochs == 2
