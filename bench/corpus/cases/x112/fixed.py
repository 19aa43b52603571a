import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def read_folder(kind, count, g):
    """Stands for the files of one folder: sensor profiles of one machine state."""
    t = torch.linspace(0, 1, 24)
    centre = 0.2 + 0.12 * kind
    bump = torch.exp(-((t - centre - 0.04 * torch.randn(count, 1, generator=g)) / 0.08) ** 2)
    return bump + 0.25 * torch.randn(count, 24, generator=g)


class Machines(L.LightningDataModule):
    def __init__(self, states=6, per_state=800, batch=40):
        super().__init__()
        self.states, self.per_state, self.batch = states, per_state, batch

    def collect(self, per_state, seed):
        g = torch.Generator().manual_seed(seed)
        x = torch.cat([read_folder(k, per_state, g) for k in range(self.states)])
        y = torch.arange(self.states).repeat_interleave(per_state)
        return TensorDataset(x, y)

    def setup(self, stage=None):
        self.train = self.collect(self.per_state, 0)
        self.valid = self.collect(60, 1)

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=self.batch, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.valid, batch_size=120)


class StateNet(L.LightningModule):
    def __init__(self, states=6, lr=0.1):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(24, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, states))
        self.hits = []

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, _):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch, _):
        x, y = batch
        self.hits.append((self(x).argmax(1) == y).float())

    def on_validation_epoch_end(self):
        self.acc = torch.cat(self.hits).mean().item()
        self.hits.clear()

    def on_train_epoch_end(self):
        if self.current_epoch % 2 == 1:
            print(f"epoch {self.current_epoch} loss {self.trainer.callback_metrics['train_loss']:.4f} valid {self.acc:.3f}")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.8)


if __name__ == "__main__":
    L.seed_everything(17, verbose=False)
    trainer = L.Trainer(max_epochs=8, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
                        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0)
    trainer.fit(StateNet(), datamodule=Machines())
