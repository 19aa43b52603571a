# mypy: ignore-errors
"""A tiny BERT, from scratch, tells by the Trainer of Transformers whether a sequence holds more of one token."""

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed


class Sequences(Dataset):
    """Random ids of 24 tokens; the label says whether token 5 outnumbers token 6."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.ids = torch.from_numpy(rng.integers(4, 10, (n, 24)))
        self.labels = ((self.ids == 5).sum(1) > (self.ids == 6).sum(1)).long()

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return {"input_ids": self.ids[i], "attention_mask": torch.ones(24, dtype=torch.long), "labels": self.labels[i]}


def accuracy(outcome):
    logits, labels = outcome
    return {"accuracy": float((logits.argmax(-1) == labels).mean())}


def main():
    set_seed(0)
    config = BertConfig(
        vocab_size=10, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=32, num_labels=2,
    )  # fmt: skip
    arguments = TrainingArguments(
        output_dir="out", num_train_epochs=4, per_device_train_batch_size=32, learning_rate=1e-3, logging_steps=20,
        eval_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(
        model=BertForSequenceClassification(config),
        args=arguments,
        train_dataset=Sequences(1200, 1),
        eval_dataset=Sequences(300, 2),
        compute_metrics=accuracy,
    )
    trainer.train()
    print(trainer.evaluate()["eval_accuracy"])


if __name__ == "__main__":
    main()
