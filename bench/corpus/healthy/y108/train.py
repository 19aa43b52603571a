import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def tensors():
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(d.target)
    p = torch.randperm(len(y))
    return x[p], y[p]


def trunk():
    return nn.ModuleList([
        nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten()),
        nn.Sequential(nn.Linear(512, 64), nn.ReLU()),
    ])


class Gradual(L.LightningModule):
    """Starts from a trunk trained on odd against even; unfreezes one block every second epoch from the top."""

    def __init__(self, blocks, classes=10, lr=3e-3):
        super().__init__()
        self.blocks, self.lr = blocks, lr
        self.head = nn.Linear(64, classes)
        self.blocks.requires_grad_(False)
        self.opened = len(blocks)

    def forward(self, x):
        for b in self.blocks:
            x = b(x)
        return self.head(x)

    def on_fit_start(self):
        self.average = AveragedModel(nn.Sequential(*self.blocks, self.head), multi_avg_fn=get_ema_multi_avg_fn(0.98))

    def on_train_epoch_start(self):
        if self.current_epoch and self.current_epoch % 2 == 0 and self.opened:
            self.opened -= 1
            block = self.blocks[self.opened].requires_grad_(True)
            self.optimizers().optimizer.add_param_group({"params": list(block.parameters()), "lr": self.lr / 2})

    def training_step(self, batch, _):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("loss", loss, on_epoch=True, on_step=False)
        return loss

    def on_train_batch_end(self, *_):
        self.average.update_parameters(nn.Sequential(*self.blocks, self.head))

    def validation_step(self, batch, _):
        x, y = batch
        self.log("plain", (self(x).argmax(1) == y).float().mean())
        self.log("averaged", (self.average(x).argmax(1) == y).float().mean())

    def on_train_epoch_end(self):
        m = self.trainer.callback_metrics
        print(f"epoch {self.current_epoch} frozen blocks {self.opened} loss {m['loss']:.4f} valid {m['plain']:.3f} averaged {m['averaged']:.3f}")

    def configure_optimizers(self):
        return torch.optim.Adam(self.head.parameters(), lr=self.lr)


L.seed_everything(3, verbose=False)
x, y = tensors()
blocks, parity = trunk(), nn.Linear(64, 2)
first = nn.Sequential(*blocks, parity)
opt = torch.optim.Adam(first.parameters(), lr=2e-3)
for _ in range(3):
    for i in torch.randperm(400).split(40):
        opt.zero_grad()
        F.cross_entropy(first(x[i]), y[i] % 2).backward()
        opt.step()

train = DataLoader(TensorDataset(x[400:1300], y[400:1300]), batch_size=32, shuffle=True)
valid = DataLoader(TensorDataset(x[1300:], y[1300:]), batch_size=100)
trainer = L.Trainer(max_epochs=9, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
                    enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0)
trainer.fit(Gradual(blocks), train, valid)
