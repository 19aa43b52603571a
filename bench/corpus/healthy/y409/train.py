"""SimCLR-style pretraining on digits, then a linear probe."""
import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader, Dataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class TwoViews(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def augment(self, x):
        x = torch.roll(x, (int(torch.randint(-1, 2, ())), int(torch.randint(-1, 2, ()))), (1, 2))
        x = x * (torch.rand(1, 8, 8) > 0.15)
        return x * (0.7 + 0.6 * torch.rand(())) + 0.1 * torch.randn_like(x)

    def __getitem__(self, i):
        return self.augment(self.images[i]), self.augment(self.images[i])


class SimCLR(L.LightningModule):
    def __init__(self, temperature=0.2, lr=2e-3):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1),
                                     nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(512, 64))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(64, 32))

    def training_step(self, batch, batch_idx):
        z = F.normalize(self.projector(self.encoder(torch.cat(batch))), dim=1)
        n = len(z) // 2
        sim = z @ z.t() / self.hparams.temperature
        sim = sim.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
        target = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
        loss = F.cross_entropy(sim, target)
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self):
        print(f"epoch {self.current_epoch} contrastive loss {self.trainer.callback_metrics['loss']:.4f}")

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        return [opt], [torch.optim.lr_scheduler.CosineAnnealingLR(opt, self.trainer.max_epochs)]


L.seed_everything(0, verbose=False)
d = load_digits()
x, y = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16, d.target
perm = torch.randperm(len(x))
tr, te = perm[:1300], perm[1300:]
model = SimCLR()
trainer = L.Trainer(max_epochs=8, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
trainer.fit(model, DataLoader(TwoViews(x[tr]), batch_size=100, shuffle=True, drop_last=True))
model.eval()
with torch.no_grad():
    f = model.encoder(x).numpy()
few = tr[:100]
print("probe on 100 labels: features %.4f raw pixels %.4f" % tuple(
    LogisticRegression(max_iter=2000).fit(g[few], y[few]).score(g[te], y[te]) for g in (f, x.flatten(1).numpy())))
