# mypy: ignore-errors
"""Lightning's own check of this kind: overfit_batches, here for many epochs."""

import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Small(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.cross_entropy(self.net(x), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.net.parameters(), lr=1e-3)


L.seed_everything(3)
digits = load_digits()
data = TensorDataset(torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target))
trainer = L.Trainer(max_epochs=300, overfit_batches=1, accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.fit(Small(), DataLoader(data, batch_size=32, shuffle=True))
