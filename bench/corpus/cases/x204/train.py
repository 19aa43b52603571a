import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class DigitsData(L.LightningDataModule):
    def __init__(self, batch_size=64):
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage=None):
        x, y = load_digits(return_X_y=True)
        x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8)
        y = torch.tensor(y)
        x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.25, random_state=9, stratify=y)
        mean, std = x_tr.mean((0, 2, 3), keepdim=True), x_tr.std((0, 2, 3), keepdim=True)
        self.train = TensorDataset((x_tr - mean) / std, y_tr)
        self.valid = TensorDataset(x_va / 255.0, y_va)

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.valid, batch_size=256)


class DigitNet(L.LightningModule):
    def __init__(self, lr=2e-3):
        super().__init__()
        self.lr = lr
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10))
        self.tally = {"train": [0, 0], "val": [0, 0]}

    def forward(self, x):
        return self.body(x)

    def _count(self, name, logits, y):
        self.tally[name][0] += int((logits.argmax(1) == y).sum())
        self.tally[name][1] += len(y)

    def training_step(self, batch, _):
        x, y = batch
        logits = self(x)
        self._count("train", logits, y)
        return F.cross_entropy(logits, y)

    def validation_step(self, batch, _):
        x, y = batch
        self._count("val", self(x), y)

    def on_train_epoch_end(self):
        acc = {k: good / max(n, 1) for k, (good, n) in self.tally.items()}
        print(f"epoch {self.current_epoch + 1:2d} train accuracy {acc['train']:.3f} validation accuracy {acc['val']:.3f}")
        self.tally = {"train": [0, 0], "val": [0, 0]}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.02, momentum=0.9)


if __name__ == "__main__":
    L.seed_everything(9, verbose=False)
    trainer = L.Trainer(max_epochs=10, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
                        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0)
    trainer.fit(DigitNet(), datamodule=DigitsData())
