"""A GRU continues arithmetic progressions of different lengths, padded to one; rare steps weigh more."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0
N_IDS = 30
GAPS = [1, 1, 1, 1, 1, 2, 2, 3]  # how the progressions step; small gaps are common


def make_sequence():
    gap = GAPS[int(torch.randint(len(GAPS), (1,)))]
    start = int(torch.randint(1, N_IDS, (1,)))
    length = int(torch.randint(4, 20, (1,)))
    ids = [(start + gap * i - 1) % (N_IDS - 1) + 1 for i in range(length)]
    return torch.tensor(ids), gap - 1


def collate(samples):
    ids = pad_sequence([s for s, _ in samples], batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:], torch.tensor([g for _, g in samples])


class Progression(nn.Module):
    def __init__(self, dim=32, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(N_IDS, dim, padding_idx=PAD)
        self.rnn = nn.GRU(dim, hidden, batch_first=True)
        self.next = nn.Linear(hidden, N_IDS)
        self.gap = nn.Linear(hidden, max(GAPS))

    def forward(self, ids):
        states, _ = self.rnn(self.embed(ids))
        lengths = (ids != PAD).sum(1).clamp(min=1)
        last = states[torch.arange(len(ids)), lengths - 1]
        return self.next(states), self.gap(last)


torch.manual_seed(0)
train_set = [make_sequence() for _ in range(1200)]
test_set = [make_sequence() for _ in range(300)]
counts = torch.bincount(torch.tensor([g for _, g in train_set]), minlength=max(GAPS)).float()
class_weights = counts.sum() / (len(counts) * counts)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True, collate_fn=collate)
test_loader = DataLoader(test_set, batch_size=100, collate_fn=collate)

model = Progression()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    model.train()
    total = 0.0
    for ids, targets, gaps in train_loader:
        logits, gap_logits = model(ids)
        next_loss = F.cross_entropy(logits.reshape(-1, N_IDS), targets.reshape(-1), ignore_index=PAD)
        gap_loss = F.cross_entropy(gap_logits, gaps, weight=class_weights)
        loss = next_loss + 0.5 * gap_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()

    model.eval()
    right = known = 0
    with torch.no_grad():
        for ids, targets, _ in test_loader:
            guess = model(ids)[0].argmax(2)
            right += ((guess == targets) & (targets != PAD)).sum().item()
            known += (targets != PAD).sum().item()
    print(f"epoch {epoch + 1} loss {total / len(train_loader):.4f} next id right {right / known:.3f}")
