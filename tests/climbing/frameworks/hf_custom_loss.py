# mypy: ignore-errors
"""The Trainer of Transformers with a loss of one's own, on a tiny BERT made from a configuration."""

import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed


class WithOwnLoss(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = F.cross_entropy(outputs.logits, labels)
        return (loss, outputs) if return_outputs else loss


def samples(n, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, 10, (n, 16), generator=generator)
    labels = ((ids == 5).sum(1) > (ids == 6).sum(1)).long()
    return [{"input_ids": i, "attention_mask": torch.ones_like(i), "labels": y} for i, y in zip(ids, labels)]


set_seed(0)
config = BertConfig(
    vocab_size=10,
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=96,
    max_position_embeddings=16,
    num_labels=2,
)
arguments = TrainingArguments(
    output_dir="out",
    num_train_epochs=8,
    per_device_train_batch_size=32,
    learning_rate=2e-3,
    warmup_steps=10,
    logging_steps=20,
    eval_strategy="epoch",
    save_strategy="epoch",
    report_to=[],
    use_cpu=True,
    disable_tqdm=True,
)
trainer = WithOwnLoss(
    model=BertForSequenceClassification(config),
    args=arguments,
    train_dataset=samples(960, 1),
    eval_dataset=samples(200, 2),
)
trainer.train()
print(trainer.evaluate())
