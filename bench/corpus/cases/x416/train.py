import tempfile

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed
from transformers.utils import logging

logging.set_verbosity_error()
set_seed(3)

VOCAB = 40
BLOCK = 24
rng = np.random.default_rng(3)
SUCCESSORS = np.stack([rng.permutation(VOCAB) for _ in range(2)])


def sample_stream(n):
    """each token has a likely successor (85 %) and a less likely one"""
    out, t = [], 0
    for _ in range(n):
        out.append(t)
        t = int(SUCCESSORS[0 if rng.random() < 0.85 else 1][t])
    return np.array(out)


class TextDataset(Dataset):
    def __init__(self, tokens, block_size):
        self.tokens = torch.tensor(tokens, dtype=torch.long)
        self.block_size = block_size
        self.num_blocks = (len(tokens) - 1) // block_size

    def __len__(self):
        return self.num_blocks

    def __getitem__(self, i):
        start = i * self.block_size
        chunk = self.tokens[start:start + self.block_size + 1]
        return {"input_ids": chunk[:-1], "labels": chunk[1:]}


@torch.no_grad()
def next_token_accuracy(model, tokens):
    model.eval()
    ids = torch.tensor(tokens[:len(tokens) // BLOCK * BLOCK]).view(-1, BLOCK)
    pred = model(input_ids=ids).logits[:, :-1].argmax(-1)
    return (pred == ids[:, 1:]).float().mean().item()


train_dataset = TextDataset(sample_stream(BLOCK * 900 + 1), BLOCK)
eval_dataset = TextDataset(sample_stream(BLOCK * 100 + 1), BLOCK)

config = GPT2Config(vocab_size=VOCAB, n_positions=BLOCK, n_embd=48, n_layer=2, n_head=4,
                    resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
model = GPT2LMHeadModel(config)

with tempfile.TemporaryDirectory() as out:
    args = TrainingArguments(
        output_dir=out,
        num_train_epochs=5,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=50,
        learning_rate=3e-3,
        warmup_steps=20,
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(model=model, args=args, train_dataset=train_dataset, eval_dataset=eval_dataset)
    trainer.train()
    print("eval loss %.4f" % trainer.evaluate()["eval_loss"])

print("next token accuracy on fresh text: %.4f" % next_token_accuracy(model, sample_stream(BLOCK * 100)))
print("prompt:", [0], "-> most likely", [int(SUCCESSORS[0][0])], "model says", model(torch.tensor([[0]])).logits[0, -1].argmax().item())
