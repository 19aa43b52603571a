"""Intent classification with the Hugging Face Trainer and a small encoder trained from scratch."""
import random
import warnings

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainerCallback, TrainingArguments, logging, set_seed

warnings.filterwarnings("ignore")
logging.set_verbosity_error()

WORDS = ["[PAD]", "[CLS]"] + [f"w{i}" for i in range(58)]
INTENTS, LENGTH = 6, 12


class Utterances(torch.utils.data.Dataset):
    def __init__(self, n, seed):
        rng = random.Random(seed)
        self.rows = []
        for _ in range(n):
            intent = rng.randrange(INTENTS)
            size = rng.randint(6, LENGTH - 1)
            ids = [rng.randrange(2 + 6 * INTENTS, len(WORDS)) for _ in range(size)]
            for pos in rng.sample(range(size), 3):
                ids[pos] = 2 + 6 * intent + rng.randrange(6)
            pad = LENGTH - 1 - size
            self.rows.append({
                "input_ids": torch.tensor([1] + ids + [0] * pad),
                "attention_mask": torch.tensor([1] * (size + 1) + [0] * pad),
                "labels": torch.tensor(intent),
            })

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def metrics(prediction):
    return {"accuracy": float((np.argmax(prediction.predictions, axis=1) == prediction.label_ids).mean())}


class Lines(TrainerCallback):
    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        losses = [h["loss"] for h in state.log_history if "loss" in h]
        print(f"epoch {state.epoch:.0f} train loss {losses[-1]:.4f} eval loss {metrics['eval_loss']:.4f} accuracy {metrics['eval_accuracy']:.3f}")


def main():
    set_seed(42)
    config = BertConfig(vocab_size=len(WORDS), hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
                        max_position_embeddings=LENGTH, num_labels=INTENTS, pad_token_id=0)
    model = BertForSequenceClassification(config)
    args = TrainingArguments(
        output_dir="out",
        num_train_epochs=5,
        per_device_train_batch_size=32,
        per_device_eval_batch_size=200,
        learning_rate=2e-6,
        warmup_steps=10,
        weight_decay=0.01,
        eval_strategy="epoch",
        logging_strategy="epoch",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=42,
    )
    trainer = Trainer(model=model, args=args, train_dataset=Utterances(1200, 1), eval_dataset=Utterances(300, 2),
                      compute_metrics=metrics, callbacks=[Lines()])
    trainer.remove_callback(next(type(c) for c in trainer.callback_handler.callbacks if "Printer" in type(c).__name__))
    trainer.train()


if __name__ == "__main__":
    main()
