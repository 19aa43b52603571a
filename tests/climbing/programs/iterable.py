# mypy: ignore-errors
"""A stream of samples without a length or an end feeds a regression."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    """Draws noisy samples of a function for ever."""

    def __iter__(self):
        generator = torch.Generator().manual_seed(1)
        while True:
            x = torch.randn(6, generator=generator)
            yield x, torch.sin(2 * x[:1]) + x[1:2] * x[2:3] + 0.05 * torch.randn(1, generator=generator)


torch.manual_seed(0)
loader = DataLoader(Stream(), batch_size=64)
model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 600)

for step, (x, y) in enumerate(itertools.islice(loader, 600)):
    loss = F.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 100 == 0:
        print(f"step {step} loss {loss.item():.4f}")
