"""Masked language model on synthetic sentences with the Hugging Face Trainer."""
import tempfile

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments, set_seed
from transformers.utils import logging

logging.set_verbosity_error()
set_seed(0)
PAD, MASK, CLS, SEP, FIRST, VOCAB, MAX = 0, 1, 2, 3, 4, 20, 20
rng = np.random.default_rng(0)


def sentence():
    n, step, t = rng.integers(8, MAX - 2), rng.integers(1, 3), rng.integers(0, VOCAB - FIRST)
    return [CLS] + [FIRST + int((t + i * step) % (VOCAB - FIRST)) for i in range(n)] + [SEP]


class Collator:
    def __init__(self, p=0.15):
        self.p = p

    def __call__(self, batch):
        ids = torch.full((len(batch), MAX), PAD)
        for row, s in zip(ids, batch):
            row[:len(s)] = torch.tensor(s)
        labels = ids.clone()
        chosen = (torch.rand(ids.shape) < self.p) & (ids >= FIRST)
        labels[~chosen] = -100
        ids[chosen & (torch.rand(ids.shape) < 0.9)] = MASK
        return {"input_ids": ids, "attention_mask": ids.ne(PAD).long(), "labels": labels}


def compute_metrics(p):
    keep = p.label_ids != -100
    return {"accuracy": float((p.predictions[keep] == p.label_ids[keep]).mean())}


model = BertForMaskedLM(BertConfig(vocab_size=VOCAB, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, initializer_range=0.08, intermediate_size=128,
                                   max_position_embeddings=MAX, type_vocab_size=1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
with tempfile.TemporaryDirectory() as out:
    args = TrainingArguments(output_dir=out, num_train_epochs=6, per_device_train_batch_size=32, per_device_eval_batch_size=100,
                             learning_rate=3e-3, warmup_steps=40, lr_scheduler_type="cosine", weight_decay=0.01, max_grad_norm=1.0,
                             eval_strategy="no", save_strategy="no", logging_strategy="no", report_to=[], use_cpu=True,
                             disable_tqdm=True, remove_unused_columns=False)
    trainer = Trainer(model=model, args=args, data_collator=Collator(), train_dataset=[sentence() for _ in range(2000)],
                      eval_dataset=[sentence() for _ in range(300)], compute_metrics=compute_metrics,
                      preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1))
    trainer.train()
    m = trainer.evaluate()
print("masked accuracy {:.4f} eval loss {:.4f}".format(m["eval_accuracy"], m["eval_loss"]))
