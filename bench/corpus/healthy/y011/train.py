"""Word-level language model: tied embedding, warm-up then inverse square root."""
import argparse
import math

import torch
import torch.nn as nn


def corpus(n_tokens, seed):
    """Markov text over 40 word ids, three likely successors for each."""
    g = torch.Generator().manual_seed(seed)
    table = torch.Generator().manual_seed(1234)
    nxt = torch.stack([torch.randperm(40, generator=table)[:3] for _ in range(40)])
    choice = torch.multinomial(torch.tensor([0.7, 0.2, 0.1]), n_tokens, replacement=True, generator=g).tolist()
    ids = [0]
    for c in choice:
        ids.append(int(nxt[ids[-1], c]))
    return torch.tensor(ids)


def batchify(ids, columns):
    n = len(ids) // columns
    return ids[:n * columns].view(columns, n).t().contiguous()


class LM(nn.Module):
    def __init__(self, vocab, dim, dropout):
        super().__init__()
        self.encoder = nn.Embedding(vocab, dim)
        self.drop = nn.Dropout(dropout)
        self.rnn = nn.LSTM(dim, dim)
        self.decoder = nn.Linear(dim, vocab)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, x, state):
        out, state = self.rnn(self.drop(self.encoder(x)), state)
        return self.decoder(self.drop(out)), state


def repackage(state):
    return tuple(s.detach() for s in state)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bptt", type=int, default=16)
    ap.add_argument("--warmup", type=int, default=60)
    ap.add_argument("--lr", type=float, default=1e-2)
    ap.add_argument("--epochs", type=int, default=6)
    args = ap.parse_args()
    torch.manual_seed(1111)
    train, valid = batchify(corpus(24000, 1), 20), batchify(corpus(4000, 2), 10)
    model, criterion = LM(40, 48, 0.1), nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min((s + 1) / args.warmup, math.sqrt(args.warmup / (s + 1))))

    def evaluate():
        model.eval()
        total, state = 0.0, None
        with torch.no_grad():
            for i in range(0, len(valid) - 1, args.bptt):
                x, y = valid[i:i + args.bptt], valid[i + 1:i + 1 + args.bptt]
                out, state = model(x[:len(y)], state)
                total += criterion(out.flatten(0, 1), y.flatten()).item() * len(y)
        return total / (len(valid) - 1)

    for epoch in range(args.epochs):
        model.train()
        state, total, steps = None, 0.0, 0
        for i in range(0, len(train) - 1, args.bptt):
            y = train[i + 1:i + 1 + args.bptt]
            x = train[i:i + len(y)]
            state = repackage(state) if state is not None else None
            out, state = model(x, state)
            loss = criterion(out.flatten(0, 1), y.flatten())
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            sched.step()
            total, steps = total + loss.item(), steps + 1
        print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.5f} train ppl {math.exp(total / steps):.2f} valid ppl {math.exp(evaluate()):.2f}")


if __name__ == "__main__":
    main()
