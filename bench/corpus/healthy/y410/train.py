"""Quantile forecast of the next hours of a load curve from the last two days."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(5)
rng = np.random.default_rng(5)
hours = np.arange(24 * 150)
load = 50 + 0.002 * hours + 12 * np.sin(2 * np.pi * hours / 24) + 5 * np.sin(2 * np.pi * hours / 168)
load = load + np.convolve(rng.normal(0, 1.5, len(hours)), [1, 0.8, 0.5, 0.3], "same")

PAST, AHEAD, QUANTILES = 48, 6, torch.tensor([0.1, 0.5, 0.9])
cut = int(0.8 * len(load))
mean, std = load[:cut].mean(), load[:cut].std()
series = torch.tensor((load - mean) / std, dtype=torch.float32)


class Windows(Dataset):
    def __init__(self, series):
        self.series = series

    def __len__(self):
        return len(self.series) - PAST - AHEAD + 1

    def __getitem__(self, i):
        past = self.series[i:i + PAST]
        return past, self.series[i + PAST:i + PAST + AHEAD] - past[-1]


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, AHEAD * len(QUANTILES))

    def forward(self, past):
        level = past[:, -1:]
        _, h = self.rnn((past - level).unsqueeze(-1))
        return self.head(h[-1]).view(-1, AHEAD, len(QUANTILES))


def pinball(pred, target):
    diff = target.unsqueeze(-1) - pred
    return torch.maximum(QUANTILES * diff, (QUANTILES - 1) * diff).mean()


train_loader = DataLoader(Windows(series[:cut]), batch_size=64, shuffle=False)
val_loader = DataLoader(Windows(series[cut - PAST:]), batch_size=256)
model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    model.train()
    losses = []
    for past, future in train_loader:
        loss = pinball(model(past), future)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        pf = [(model(p), f) for p, f in val_loader]
    pred, fut = torch.cat([p for p, _ in pf]), torch.cat([f for _, f in pf])
    inside = ((fut > pred[..., 0]) & (fut < pred[..., 2])).float().mean()
    print(f"epoch {epoch} train pinball {np.mean(losses):.4f} val {pinball(pred, fut):.4f} (persistence {pinball(torch.zeros_like(pred), fut):.4f}) inside the band {inside:.3f}")
