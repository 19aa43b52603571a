"""Progress of diabetes from ten measurements, with Lightning."""
import logging
import warnings

import lightning as L
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset, random_split

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Progress(L.LightningModule):
    def __init__(self, width=32, lr=0.05):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(10, width), nn.SiLU(), nn.Linear(width, 1))
        self.curve = []

    def forward(self, x):
        return self.net(x).squeeze(1)

    def training_step(self, batch, _):
        x, y = batch
        loss = nn.functional.mse_loss(self(x), y)
        self.log("train_loss", loss)
        return loss

    def on_validation_epoch_start(self):
        self.err, self.n = 0.0, 0

    def validation_step(self, batch, _):
        x, y = batch
        self.err += (self(x) - y).square().sum().item()
        self.n += len(y)

    def on_validation_epoch_end(self):
        self.curve.append(self.err / self.n)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)


def loaders():
    d = load_diabetes()
    x = torch.tensor(d.data, dtype=torch.float32) / 0.0476
    y = (torch.tensor(d.target, dtype=torch.float32) - 152.0) / 77.0
    a, b = random_split(TensorDataset(x, y), [342, 100], torch.Generator().manual_seed(3))
    return DataLoader(a, batch_size=38, shuffle=True), DataLoader(b, batch_size=100)


def main():
    L.seed_everything(5, verbose=False)
    model = Progress()
    trainer = L.Trainer(
        max_epochs=20,
        accelerator="cpu",
        gradient_clip_val=5e-4,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, *loaders())
    for i in range(0, 20, 5):
        print(f"epoch {i + 1} validation mse {model.curve[i]:.4f}")
    print(f"last validation mse {model.curve[-1]:.4f} (1.0 is the variance of the target)")


main()
