import logging
import warnings

import lightning as L
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
LENGTH, SYMBOLS, KINDS = 16, 12, 8


def motif_sequences(n, seed):
    """Random symbol strings with one of eight two-symbol motifs planted somewhere."""
    g = torch.Generator().manual_seed(seed)
    motifs = torch.stack([torch.arange(KINDS) % SYMBOLS, (torch.arange(KINDS) * 5 + 3) % SYMBOLS], 1)
    x = torch.randint(SYMBOLS, (n, LENGTH), generator=g)
    y = torch.randint(KINDS, (n,), generator=g)
    for i in range(n):
        for j in torch.randint(LENGTH // 2, (3,), generator=g).tolist():
            x[i, 2 * j:2 * j + 2] = motifs[y[i]]
    return TensorDataset(x, y)


class MotifClassifier(L.LightningModule):
    def __init__(self, dim=32, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.embed = nn.Embedding(SYMBOLS, dim)
        self.convs = nn.ModuleList(nn.Conv1d(dim, dim, k, padding="same") for k in (2, 3))
        self.head = nn.Linear(2 * dim, KINDS)

    def logits(self, tokens):
        e = self.embed(tokens).transpose(1, 2)
        return self.head(torch.cat([F.relu(c(e)).amax(-1) for c in self.convs], 1))

    def forward(self, tokens):
        """Class probabilities, for callers that deploy the model."""
        return torch.softmax(self.logits(tokens), dim=-1)

    def _shared_step(self, batch, stage):
        tokens, kind = batch
        scores = self.logits(tokens)
        loss = F.cross_entropy(scores, kind)
        self.log_dict({f"{stage}_loss": loss, f"{stage}_acc": (scores.argmax(1) == kind).float().mean()},
                      on_step=False, on_epoch=True)
        return loss

    def training_step(self, batch, batch_idx):
        return self._shared_step(batch, "train")

    def validation_step(self, batch, batch_idx):
        self._shared_step(batch, "val")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.8)


class PrintMetrics(L.Callback):
    def on_train_epoch_end(self, trainer, module):
        m = trainer.callback_metrics
        print("epoch %d  train loss %.4f acc %.3f  val loss %.4f acc %.3f" % (
            trainer.current_epoch, m["train_loss"], m["train_acc"], m["val_loss"], m["val_acc"]), flush=True)


if __name__ == "__main__":
    L.seed_everything(21, verbose=False)
    train, val = random_split(motif_sequences(2400, 1), [2000, 400])
    trainer = L.Trainer(max_epochs=6, accelerator="cpu", logger=False, enable_checkpointing=False, num_sanity_val_steps=0,
                        enable_progress_bar=False, enable_model_summary=False, callbacks=[PrintMetrics()])
    trainer.fit(MotifClassifier(), DataLoader(train, 50, shuffle=True), DataLoader(val, 200))
