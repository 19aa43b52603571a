"""Masked-token pre-training of a tiny BERT with the Hugging Face Trainer."""
import warnings

import torch
from transformers import BertConfig, BertForMaskedLM, PrinterCallback, Trainer, TrainerCallback, TrainingArguments, logging, set_seed

warnings.filterwarnings("ignore")
logging.set_verbosity_error()
VOCAB, MASK, LENGTH = 32, 1, 16


class Sequences(torch.utils.data.Dataset):
    """Each sequence is about one of five topics; a topic uses its own six tokens, some far more often than others."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        topic = torch.randint(5, (n, 1), generator=g)
        word = torch.multinomial(torch.tensor([0.4, 0.25, 0.15, 0.1, 0.06, 0.04]), n * LENGTH, replacement=True, generator=g)
        self.ids = 6 * topic + word.view(n, LENGTH) + 2

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return {"input_ids": self.ids[i]}


class MaskingCollator:
    def __init__(self, share=0.2):
        self.share = share

    def __call__(self, rows):
        ids = torch.stack([r["input_ids"] for r in rows])
        hide = torch.rand(ids.shape) < self.share
        hide[:, 0] |= ~hide.any(1)
        return {"input_ids": ids.masked_fill(hide, MASK), "labels": ids.masked_fill(~hide, -100)}


class Report(TrainerCallback):
    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        last = [h["loss"] for h in state.log_history if "loss" in h][-1]
        print(f"epoch {state.epoch:.0f} masked-token loss train {last:.4f} eval {metrics['eval_loss']:.4f}")


def main():
    set_seed(8)
    model = BertForMaskedLM(BertConfig(vocab_size=VOCAB, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
                                       max_position_embeddings=LENGTH, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    args = TrainingArguments(output_dir="out", num_train_epochs=5, per_device_train_batch_size=32,
                             per_device_eval_batch_size=100, learning_rate=2e-3, lr_scheduler_type="cosine", warmup_steps=25, weight_decay=0.01,
                             max_grad_norm=1.0, eval_strategy="epoch", logging_strategy="epoch", save_strategy="no", report_to=[],
                             disable_tqdm=True, remove_unused_columns=False, use_cpu=True, seed=8)
    trainer = Trainer(model=model, args=args, data_collator=MaskingCollator(), train_dataset=Sequences(1600, 1),
                      eval_dataset=Sequences(200, 2), callbacks=[Report()])
    trainer.remove_callback(PrinterCallback)
    trainer.train()


if __name__ == "__main__":
    main()
