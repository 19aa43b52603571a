import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed
from transformers.utils import logging

logging.set_verbosity_error()
TERMS = 17


class Progressions(Dataset):
    """Terms of a + k*d modulo 17, the ids being the terms themselves."""

    def __init__(self, n, seed, length=16):
        g = torch.Generator().manual_seed(seed)
        a = torch.randint(0, TERMS, (n, 1), generator=g)
        d = torch.randint(1, TERMS, (n, 1), generator=g)
        self.rows = (a + d * torch.arange(length)) % TERMS

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        return {"input_ids": row[:-1], "labels": row[:-1]}


@torch.no_grad()
def continuation_accuracy(model, rows, given=6):
    model.eval()
    seq = rows[:, :given]
    while seq.shape[1] < rows.shape[1]:
        seq = torch.cat([seq, model(input_ids=seq).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return (seq[:, given:] == rows[:, given:]).float().mean().item(), seq[0].tolist(), rows[0].tolist()


def main():
    set_seed(8)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=TERMS, n_positions=16, n_embd=64, n_layer=2, n_head=4, resid_pdrop=0.0,
                                       embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0))
    args = TrainingArguments(output_dir="out", max_steps=300, per_device_train_batch_size=48, learning_rate=3e-3,
                             lr_scheduler_type="cosine", warmup_steps=30, logging_steps=1000, save_strategy="no",
                             report_to=[], disable_tqdm=True, use_cpu=True, seed=8)
    trainer = Trainer(model=model, args=args, train_dataset=Progressions(4000, 1), eval_dataset=Progressions(300, 2))
    trainer.train()
    print(f"evaluation loss {trainer.evaluate()['eval_loss']:.4f}")
    acc, got, want = continuation_accuracy(model, Progressions(300, 3).rows)
    print("want", want)
    print("got ", got)
    print(f"continuation accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
