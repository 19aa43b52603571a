import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def parts(n, seed):
    """Castings: measurements, cracked or not (1 in 20), and the remaining wall thickness."""
    g = torch.Generator().manual_seed(seed)
    cracked = (torch.rand(n, generator=g) < 0.05).long()
    x = torch.randn(n, 12, generator=g)
    x[:, 0] += 1.8 * cracked
    x[:, 1] += 1.4 * cracked * torch.sign(x[:, 2])
    wall = 0.8 * x[:, 3] + 0.4 * torch.tanh(x[:, 4] * x[:, 5]) - 0.3 * cracked + 0.15 * torch.randn(n, generator=g)
    return TensorDataset(x, cracked, wall)


class TwoOutputs(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 64), nn.SiLU(), nn.Dropout(0.1), nn.Linear(64, 32), nn.SiLU())
        self.crack, self.wall = nn.Linear(32, 2), nn.Linear(32, 1)
        self.log_var = nn.Parameter(torch.zeros(2))
        self.rows = []

    def forward(self, x):
        h = self.body(x)
        return self.crack(h), self.wall(h).squeeze(-1)

    def training_step(self, batch, _):
        x, cracked, wall = batch
        logits, depth = self(x)
        losses = torch.stack([F.cross_entropy(logits, cracked), 0.5 * F.mse_loss(depth, wall)])
        return (torch.exp(-self.log_var) * losses + 0.5 * self.log_var).sum()

    def validation_step(self, batch, _):
        x, cracked, wall = batch
        logits, depth = self(x)
        self.rows.append(torch.stack([logits.argmax(1).float(), cracked.float(), depth - wall], 1))

    def on_validation_epoch_end(self):
        guess, truth, gap = torch.cat(self.rows).T
        self.rows.clear()
        hit, keep = (guess[truth == 1] == 1).float().mean(), (guess[truth == 0] == 0).float().mean()
        if self.current_epoch % 4 == 3:
            print(f"epoch {self.current_epoch + 1:2d} balanced recall {(hit + keep) / 2:.3f} (cracked {hit:.3f}, sound {keep:.3f}) "
                  f"wall rmse {gap.square().mean().sqrt():.3f}")

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=2e-3, weight_decay=1e-2)
        return {"optimizer": opt, "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(opt, self.trainer.max_epochs)}


if __name__ == "__main__":
    L.seed_everything(33, verbose=False)
    train, valid = parts(5000, 1), parts(2000, 2)
    share = torch.bincount(train.tensors[1]).float() / len(train)
    sampler = WeightedRandomSampler((1 / share)[train.tensors[1]], num_samples=4000)
    trainer = L.Trainer(max_epochs=12, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
                        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0)
    trainer.fit(TwoOutputs(), DataLoader(train, batch_size=100, sampler=sampler), DataLoader(valid, batch_size=500))
