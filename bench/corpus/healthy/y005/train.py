"""Next-character model on strings of unequal length; micro-batches are accumulated and weighted by their token count."""
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def make_strings(n, seed):
    """Different nested arithmetic-like strings, e.g. (a+(b*c))."""
    r = random.Random(seed)

    def expr(depth):
        if depth == 0 or r.random() < 0.25:
            return r.choice("abcd")
        return "(" + expr(depth - 1) + r.choice("+*") + expr(depth - 1) + ")"

    found = {}
    while len(found) < n:
        found[expr(r.randint(2, 4)) + "."] = None
    return list(found)


ALPHABET = "\0^()+*.abcd"
ENCODE = {c: i for i, c in enumerate(ALPHABET)}


def collate(strings):
    ids = [torch.tensor([ENCODE[c] for c in "^" + s]) for s in strings]
    ids = pad_sequence(ids, batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]


class CharGRU(nn.Module):
    def __init__(self, dim=32, hidden=64):
        super().__init__()
        self.emb = nn.Embedding(len(ALPHABET), dim, padding_idx=PAD)
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(ALPHABET))

    def forward(self, ids):
        h, _ = self.gru(self.emb(ids))
        return self.out(h)


def groups(loader, k):
    held = []
    for batch in loader:
        held.append(batch)
        if len(held) == k:
            yield held
            held = []
    if held:
        yield held


def token_loss(model, inputs, targets):
    return nn.functional.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=PAD, reduction="sum")


def main(epochs=5, micro=8, accumulate=4):
    torch.manual_seed(1)
    strings = make_strings(1500, 1)
    random.Random(2).shuffle(strings)
    train = DataLoader(strings[250:], micro, shuffle=True, collate_fn=collate)
    valid = DataLoader(strings[:250], 50, collate_fn=collate)
    model = CharGRU()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs)
    for epoch in range(epochs):
        model.train()
        total = tokens_seen = 0
        for group in groups(train, accumulate):
            tokens = sum(int((t != PAD).sum()) for _, t in group)
            for inputs, targets in group:
                loss = token_loss(model, inputs, targets) / tokens
                loss.backward()
                total += loss.item() * tokens
            tokens_seen += tokens
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            opt.zero_grad()
        sched.step()
        model.eval()
        with torch.no_grad():
            val = sum(token_loss(model, a, b).item() for a, b in valid) / sum(int((b != PAD).sum()) for _, b in valid)
        print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.5f} train nats/char {total / tokens_seen:.4f} valid {val:.4f}")


main()
