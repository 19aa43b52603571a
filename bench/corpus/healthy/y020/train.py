"""BYOL-like self-supervision plus an online probe; Lightning with manual optimisation and two optimizers."""
import copy
import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def augment(x):
    shift = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, shift, dims=(2, 3))
    return x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1)) + 0.15 * torch.randn_like(x)


def projector(n_in, n_out=32):
    return nn.Sequential(nn.Linear(n_in, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, n_out))


class Byol(L.LightningModule):
    def __init__(self, tau=0.05):
        super().__init__()
        self.automatic_optimization = False
        self.tau = tau
        self.encoder = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
                                     nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
                                     nn.Flatten(), nn.Linear(512, 64))
        self.project, self.predict = projector(64), projector(32)
        self.slow_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        self.slow_project = copy.deepcopy(self.project).requires_grad_(False)
        self.probe = nn.Linear(64, 10)
        self.totals = torch.zeros(3)

    def forward(self, x):
        return self.probe(self.encoder(x))

    def regress(self, a, b):
        p = F.normalize(self.predict(self.project(self.encoder(a))), dim=1)
        with torch.no_grad():
            z = F.normalize(self.slow_project(self.slow_encoder(b)), dim=1)
        return (2 - 2 * (p * z).sum(1)).mean()

    def training_step(self, batch, batch_idx):
        x, y = batch
        opt_ssl, opt_probe = self.optimizers()
        a, b = augment(x), augment(x)
        loss = self.regress(a, b) + self.regress(b, a)
        opt_ssl.zero_grad()
        self.manual_backward(loss)
        opt_ssl.step()

        features = self.encoder(x).detach()
        probe_loss = F.cross_entropy(self.probe(features), y)
        opt_probe.zero_grad()
        self.manual_backward(probe_loss)
        opt_probe.step()

        with torch.no_grad():
            for fast, slow in ((self.encoder, self.slow_encoder), (self.project, self.slow_project)):
                for p, q in zip(fast.parameters(), slow.parameters()):
                    q.lerp_(p, self.tau)
        self.totals += torch.tensor([loss.item(), probe_loss.item(), 1.0])

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("acc", (self(x).argmax(1) == y).float().mean(), on_epoch=True)

    def on_train_epoch_end(self):
        n = self.totals[2]
        acc = self.trainer.callback_metrics["acc"]
        print(f"epoch {self.current_epoch} ssl {self.totals[0] / n:.4f} probe {self.totals[1] / n:.4f} probe accuracy {acc:.3f}", flush=True)
        self.totals.zero_()

    def configure_optimizers(self):
        ssl = [*self.encoder.parameters(), *self.project.parameters(), *self.predict.parameters()]
        return torch.optim.AdamW(ssl, lr=2e-3), torch.optim.Adam(self.probe.parameters(), lr=1e-2)


if __name__ == "__main__":
    L.seed_everything(77, verbose=False)
    d = load_digits()
    order = torch.randperm(len(d.target))
    x, y = (torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 1)[order], torch.tensor(d.target)[order]
    trainer = L.Trainer(max_epochs=6, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                        enable_model_summary=False, num_sanity_val_steps=0)
    trainer.fit(Byol(), DataLoader(TensorDataset(x[:1400], y[:1400]), 100, shuffle=True), DataLoader(TensorDataset(x[1400:], y[1400:]), 397))
