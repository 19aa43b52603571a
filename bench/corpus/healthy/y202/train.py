import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F


def write_text(length, seed):
    """Bracketed lists: depth grows and shrinks, closing brackets must match."""
    rnd = random.Random(seed)
    out, stack = [], []
    while len(out) < length:
        r = rnd.random()
        if stack and (r < 0.3 or len(stack) > 6):
            out.append({"(": ")", "[": "]", "{": "}"}[stack.pop()])
        elif r < 0.6:
            b = rnd.choice("([{")
            stack.append(b)
            out.append(b)
        else:
            out.append(rnd.choice("ab"))
    return "".join(out[:length])


ALPHABET = "()[]{}ab"


def streams(text, count):
    ids = torch.tensor([ALPHABET.index(c) for c in text])
    usable = len(ids) // count * count
    return ids[:usable].view(count, -1)


class CharModel(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.emb = nn.Embedding(len(ALPHABET), 16)
        self.rnn = nn.GRU(16, width, batch_first=True)
        self.out = nn.Linear(width, len(ALPHABET))

    def forward(self, ids, state=None):
        h, state = self.rnn(self.emb(ids), state)
        return self.out(h), state


def chunks(rows, size):
    for a in range(0, rows.shape[1] - 1, size):
        b = min(a + size, rows.shape[1] - 1)
        yield rows[:, a:b], rows[:, a + 1:b + 1]


def bits(model, rows):
    model.eval()
    state, total, n = None, 0.0, 0
    with torch.no_grad():
        for x, y in chunks(rows, 100):
            logits, state = model(x, state)
            total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
            n += y.numel()
    return total / n / math.log(2)


torch.manual_seed(1)
train, valid = streams(write_text(60000, 1), 20), streams(write_text(10000, 2), 20)
model = CharModel()
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(1, 9):
    model.train()
    state = None
    total = count = 0
    for x, y in chunks(train, 40):
        if state is not None:
            state = state.detach()
        logits, state = model(x, state)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        total, count = total + loss.item(), count + 1
    print(f"epoch {epoch} train bits {total / count / math.log(2):.3f} valid bits {bits(model, valid):.3f}")
