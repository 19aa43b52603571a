import random
from collections import Counter

import torch
from torch import nn


class BagNet(nn.Module):
    """Scores a bag of cells: encoder for each cell, pooling over the cells, linear read-out."""

    def __init__(self, features, width=32, code=3):
        super().__init__()
        self.cell = nn.Sequential(nn.Linear(features, width), nn.LeakyReLU(), nn.Linear(width, code), nn.Tanh())
        self.read = nn.Linear(code, 1)

    def pool(self, codes):
        return torch.logsumexp(4 * codes, 0) / 4

    def forward(self, bags):
        pooled = [self.pool(self.cell(bag)) for bag in bags]
        slide = torch.stack(pooled)
        return self.read(slide).squeeze(1)


def slides(n, rng, features=12):
    bags, marks = [], []
    key = torch.tensor([1.0, -1.0, 1.0] + [0.0] * (features - 3))
    for _ in range(n):
        cells = torch.randn(rng.randint(5, 14), features)
        proj = cells @ key
        cells = cells - (proj.clamp(min=1.0) - 1.0)[:, None] * key / 3
        ill = rng.random() < 0.5
        if ill:
            for j in rng.sample(range(len(cells)), 2):
                cells[j] += 1.6 * key
        bags.append(cells)
        marks.append(float(ill))
    return bags, torch.tensor(marks)


def epoch_of(net, opt, bags, marks, rng, size=20):
    crit = nn.BCEWithLogitsLoss()
    order = list(range(len(bags)))
    rng.shuffle(order)
    tally = Counter()
    for a in range(0, len(order), size):
        pick = order[a:a + size]
        opt.zero_grad()
        out = net([bags[i] for i in pick])
        loss = crit(out, marks[pick])
        loss.backward()
        opt.step()
        tally["loss"] += loss.item() * len(pick)
        tally["n"] += len(pick)
        tally["hit"] += int(((out > 0) == (marks[pick] > 0.5)).sum())
    return tally["loss"] / tally["n"], tally["hit"] / tally["n"]


rng = random.Random(1)
torch.manual_seed(1)
bags, marks = slides(500, rng)
net = BagNet(12)
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(1, 13):
    loss, hit = epoch_of(net, opt, bags, marks, rng)
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} loss {loss:.4f} accuracy {hit:.3f}")
net.eval()
more, truth = slides(300, rng)
with torch.no_grad():
    right = ((net(more) > 0) == (truth > 0.5)).float().mean().item()
print(f"new slides: accuracy {right:.3f}")
