import logging
import warnings

import lightning.pytorch as pl
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, recall_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

NAMES = ["road", "building", "person"]


class PointsDataModule(pl.LightningDataModule):
    def __init__(self, batch_size=128):
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage=None):
        x, y = make_classification(4000, 12, n_informative=8, n_redundant=0, n_classes=3, weights=[0.75, 0.20, 0.05],
                                   n_clusters_per_class=1, class_sep=0.9, flip_y=0.02, random_state=6)
        data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
        self.train_set, self.val_set = random_split(data, [3000, 1000], torch.Generator().manual_seed(0))
        labels = data.tensors[1][self.train_set.indices]
        self.content = torch.bincount(labels, minlength=3).float() / len(labels)

    def train_dataloader(self):
        return DataLoader(self.train_set, self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val_set, 500)


class PointClassifier(pl.LightningModule):
    def __init__(self, content, lr=3e-3, epsilon_w=0.001):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(12, 32), nn.LeakyReLU(), nn.Linear(32, 32), nn.LeakyReLU(), nn.Linear(32, 3))
        loss_w = content + epsilon_w
        self.criterion = nn.CrossEntropyLoss(weight=loss_w / loss_w.sum())
        self.val_out = []

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = self.criterion(self(x), y)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.val_out.append((self(x).argmax(1), y))

    def on_validation_epoch_end(self):
        pred, y = (torch.cat(t).numpy() for t in zip(*self.val_out))
        self.val_out.clear()
        rec = recall_score(y, pred, average=None, labels=[0, 1, 2], zero_division=0)
        self.report = "balanced acc %.4f  " % balanced_accuracy_score(y, pred) + " ".join("%s %.3f" % z for z in zip(NAMES, rec))

    def on_train_epoch_end(self):
        if self.current_epoch % 5 == 4:
            print("epoch", self.current_epoch + 1, "loss %.4f" % self.trainer.callback_metrics["train_loss"].item(), self.report)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


if __name__ == "__main__":
    pl.seed_everything(1, verbose=False)
    dm = PointsDataModule()
    dm.setup()
    print("content", np.round(dm.content.numpy(), 3))
    trainer = pl.Trainer(max_epochs=15, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
                         enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0)
    trainer.fit(PointClassifier(dm.content), dm)
