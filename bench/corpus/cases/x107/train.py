import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset
from transformers import DistilBertConfig, DistilBertForSequenceClassification, Trainer, TrainingArguments, set_seed

TAGS, VOCAB, LENGTH = 6, 80, 12


class Tickets(Dataset):
    """Support tickets as token ids; tag k is set when one of its keywords is in the text."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.tags = (rng.random((n, TAGS)) < 0.2).astype("float32")
        self.ids = rng.integers(30, VOCAB, (n, LENGTH))
        for row, tags in zip(self.ids, self.tags):
            spots = rng.permutation(np.arange(1, LENGTH))
            for spot, k in zip(spots, np.flatnonzero(tags)):
                row[spot] = 2 + 3 * k + rng.integers(0, 3)
            row[0] = 1

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return {"input_ids": torch.from_numpy(self.ids[i]), "labels": torch.from_numpy(self.tags[i])}


class TagTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        tags = inputs.pop("labels")
        out = model(**inputs)
        loss = F.cross_entropy(out.logits, tags)
        return (loss, out) if return_outputs else loss


def scores(pred):
    guess, truth = pred.predictions > 0, pred.label_ids > 0.5
    return {"exact": float((guess == truth).all(1).mean()), "hamming": float((guess == truth).mean())}


set_seed(4)
config = DistilBertConfig(vocab_size=VOCAB, dim=48, hidden_dim=96, initializer_range=0.1, n_layers=1, n_heads=2, max_position_embeddings=16,
                          num_labels=TAGS, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0)
args = TrainingArguments("out", num_train_epochs=12, per_device_train_batch_size=32, per_device_eval_batch_size=200,
                         learning_rate=3e-3, warmup_steps=20, lr_scheduler_type="cosine", logging_steps=160,
                         save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True)
trainer = TagTrainer(model=DistilBertForSequenceClassification(config), args=args, train_dataset=Tickets(1600, 0),
                     eval_dataset=Tickets(400, 1), compute_metrics=scores)
trainer.train()
m = trainer.evaluate()
print(f"loss {m['eval_loss']:.4f} all tags right {m['eval_exact']:.3f} single tags right {m['eval_hamming']:.3f}")
