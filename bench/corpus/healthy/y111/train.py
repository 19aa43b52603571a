import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments, set_seed

WORDS, LENGTH = 60, 14


class Reviews(Dataset):
    """Bags of words; each word has a mood, the stars (1 to 5) are the rounded mean mood with some noise."""

    def __init__(self, n, seed):
        mood = np.random.default_rng(0).normal(0, 1, WORDS)
        rng = np.random.default_rng(seed)
        self.ids = rng.integers(0, WORDS, (n, LENGTH))
        raw = mood[self.ids].mean(1) * 4 + rng.normal(0, 0.25, n)
        self.stars = np.clip(np.round(3 + raw), 1, 5).astype("float32")

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return {"ids": torch.from_numpy(self.ids[i]), "labels": torch.tensor(self.stars[i])}


class StarModel(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, width, mode="mean")
        self.hidden = nn.Linear(width, 32)
        self.stars = nn.Linear(32, 1)
        nn.init.constant_(self.stars.bias, 3.0)

    def forward(self, ids, labels=None):
        out = self.stars(torch.relu(self.hidden(self.words(ids)))).squeeze(-1)
        if labels is None:
            return {"logits": out}
        return {"loss": (out - labels).square().mean(), "logits": out}


def figures(p):
    guess = np.clip(np.round(p.predictions), 1, 5)
    return {"exact": float((guess == p.label_ids).mean()), "close": float((abs(guess - p.label_ids) <= 1).mean()),
            "mae": float(abs(p.predictions - p.label_ids).mean())}


set_seed(1)
args = TrainingArguments("out", num_train_epochs=10, per_device_train_batch_size=40, per_device_eval_batch_size=200,
                         learning_rate=4e-3, logging_steps=125, save_strategy="no", report_to=[], use_cpu=True,
                         disable_tqdm=True)
trainer = Trainer(model=StarModel(), args=args, train_dataset=Reviews(2000, 1), eval_dataset=Reviews(400, 2),
                  compute_metrics=figures)
first = trainer.evaluate()
trainer.train()
m = trainer.evaluate()
print(f"mse {first['eval_loss']:.3f} -> {m['eval_loss']:.3f} exact {m['eval_exact']:.3f} within one star {m['eval_close']:.3f} mae {m['eval_mae']:.3f}")
