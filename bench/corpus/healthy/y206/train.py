import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForTokenClassification, Trainer, TrainingArguments, set_seed
from transformers.utils import logging

logging.set_verbosity_error()
PAD, WORDS = 0, 30


class Sentences(Dataset):
    """A word is tagged 1 if it comes before a marker (ids 1-3), 2 if it is a marker, else 0."""

    def __init__(self, n, seed):
        r = np.random.default_rng(seed)
        self.items = []
        for _ in range(n):
            ids = r.integers(4, WORDS, size=r.integers(6, 19))
            for spot in r.choice(len(ids), size=2, replace=False):
                ids[spot] = r.integers(1, 4)
            tags = np.zeros_like(ids)
            for i, w in enumerate(ids):
                if w < 4:
                    tags[i] = 2
                elif i + 1 < len(ids) and ids[i + 1] < 4:
                    tags[i] = 1
            self.items.append({"input_ids": ids.tolist(), "labels": tags.tolist()})

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(items):
    longest = max(len(f["input_ids"]) for f in items)
    fill = lambda row, v: row + [v] * (longest - len(row))
    return {
        "input_ids": torch.tensor([fill(f["input_ids"], PAD) for f in items]),
        "attention_mask": torch.tensor([fill([1] * len(f["input_ids"]), 0) for f in items]),
        "labels": torch.tensor([fill(f["labels"], -100) for f in items]),
    }


def metrics(prediction):
    guess, truth = prediction.predictions.argmax(-1), prediction.label_ids
    real = truth != -100
    before = real & (truth == 1)
    return {"accuracy": float((guess == truth)[real].mean()), "recall_before": float((guess == 1)[before].mean())}


def main():
    set_seed(4)
    config = BertConfig(vocab_size=WORDS, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
                        max_position_embeddings=24, num_labels=3, initializer_range=0.12, pad_token_id=PAD)
    args = TrainingArguments(output_dir="out", num_train_epochs=6, per_device_train_batch_size=32, learning_rate=2e-3,
                             per_device_eval_batch_size=100, eval_strategy="no", save_strategy="no", logging_steps=1000,
                             warmup_steps=20, report_to=[], disable_tqdm=True, use_cpu=True, seed=4)
    trainer = Trainer(model=BertForTokenClassification(config), args=args, train_dataset=Sentences(2000, 1),
                      eval_dataset=Sentences(400, 2), data_collator=collate, compute_metrics=metrics)
    trainer.train()
    out = trainer.evaluate()
    print(f"eval loss {out['eval_loss']:.4f} accuracy {out['eval_accuracy']:.3f} recall of tag 1 {out['eval_recall_before']:.3f}")


if __name__ == "__main__":
    main()
