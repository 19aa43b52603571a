import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def demand(length, seed):
    """Hourly demand: two cycles, an autoregressive part and noise."""
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(length, dtype=torch.float32)
    out = torch.zeros(length)
    level = 0.0
    for i in range(length):
        level = 0.95 * level + 0.12 * torch.randn(1, generator=g).item()
        out[i] = level
    return out + torch.sin(2 * math.pi * t / 24) + 0.5 * torch.sin(2 * math.pi * t / 12 + 1.0)


class DilatedConv(nn.Module):
    def __init__(self, width, kernel, dilation):
        super().__init__()
        self.reach = (kernel - 1) * dilation // 2
        self.conv = nn.Conv1d(width, width, kernel, dilation=dilation)

    def forward(self, x):
        return self.conv(F.pad(x, (self.reach, self.reach)))


class Forecaster(nn.Module):
    """For every hour of the window, the demand of the following hour."""

    def __init__(self, width=24, kernel=3, dilations=(1, 2, 4, 8, 16)):
        super().__init__()
        self.inp = nn.Conv1d(1, width, 1)
        self.layers = nn.ModuleList(DilatedConv(width, kernel, d) for d in dilations)
        self.out = nn.Conv1d(width, 1, 1)

    def forward(self, series):
        h = self.inp(series.unsqueeze(1))
        for layer in self.layers:
            h = h + F.gelu(layer(h))
        return self.out(h).squeeze(1)


@torch.no_grad()
def roll(model, history, hours):
    model.eval()
    window = history.clone()
    for _ in range(hours):
        nxt = model(window[:, -96:])[:, -1:]
        window = torch.cat([window, nxt], 1)
    return window[:, -hours:]


def cut(series, n, length, g):
    start = torch.randint(0, len(series) - length, (n,), generator=g)
    return torch.stack([series[s:s + length] for s in start.tolist()])


torch.manual_seed(17)
g = torch.Generator().manual_seed(17)
past, later = demand(4000, 1), demand(1500, 2)
model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
running = None
for step in range(1, 501):
    model.train()
    window = cut(past, 32, 97, g)
    loss = F.mse_loss(model(window[:, :-1]), window[:, 1:])
    opt.zero_grad()
    loss.backward()
    opt.step()
    running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
    if step % 100 == 0:
        print(f"step {step} mse {running:.5f}")

truth = cut(later, 200, 108, g)
ahead = roll(model, truth[:, :96], 12)
print(f"next hour mse {F.mse_loss(ahead[:, 0], truth[:, 96]):.4f}, twelve hours mse {F.mse_loss(ahead, truth[:, 96:]):.4f}, "
      f"last value repeated {F.mse_loss(truth[:, 95:96].expand(-1, 12), truth[:, 96:]):.4f}")
