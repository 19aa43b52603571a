"""Orchard camera: the sort of an apple and its ripeness, one trunk and two heads."""
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F


class Batch(NamedTuple):
    x: torch.Tensor
    sort: torch.Tensor
    ripeness: torch.Tensor


def apples(n, seed):
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(5, 16, generator=torch.Generator().manual_seed(99))
    sort = torch.randint(0, 5, (n,), generator=g)
    x = 1.2 * centres[sort] + torch.randn(n, 16, generator=g) * 0.8
    ripeness = torch.tanh(0.6 * x[:, 3] - 0.4 * x[:, 7]) + 0.3 * x[:, 10] + 0.05 * torch.randn(n, generator=g)
    return Batch(x, sort, ripeness)


class TwoHeads(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(16, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.sort = nn.Linear(width, 5)
        self.ripeness = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.sort(h), self.ripeness(h).squeeze(-1)


def objective(model, batch):
    logits, ripe = model(batch.x)
    terms = {"sort": F.cross_entropy(logits, batch.sort), "ripeness": F.mse_loss(ripe, batch.ripeness)}
    terms["total"] = terms["sort"] + 2.0 * terms["ripeness"]
    return terms


def train(model, data, steps, batch_size=64):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    mean_total = 0.0
    for step in range(steps):
        pick = torch.randint(0, len(data.x), (batch_size,))
        terms = objective(model, Batch(*(t[pick] for t in data)))
        optimizer.zero_grad()
        terms["total"].backward()
        optimizer.step()
        mean_total += terms["total"].item() / steps
    return mean_total


@torch.no_grad()
def report(model, data):
    logits, ripe = model(data.x)
    r2 = 1 - F.mse_loss(ripe, data.ripeness) / data.ripeness.var()
    return f"accuracy of the sort {(logits.argmax(1) == data.sort).float().mean():.3f}, R2 of the ripeness {r2:.3f}"


if __name__ == "__main__":
    torch.manual_seed(17)
    data, fresh, model = apples(3000, 0), apples(800, 1), TwoHeads()
    for part in range(1, 7):
        total = train(model, data, steps=150)
        print(f"{part * 150} steps, total loss {total:.3f}, {report(model, fresh)}")
