import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def shifts(n, seed):
    """Machine shifts of 4 to 60 minutes: switch positions in, power drawn out. An idle machine still draws power."""
    rnd = random.Random(seed)
    g = torch.Generator().manual_seed(seed)
    data = []
    for _ in range(n):
        length = 60 if rnd.random() < 0.12 else rnd.randint(4, 14)
        on = (torch.rand(length, 4, generator=g) < 0.3).float()
        warm = torch.zeros(length)
        w = 0.0
        for t in range(length):
            w = 0.8 * w + 0.2 * on[t, 0].item()
            warm[t] = w
        power = 2.0 + 1.5 * on[:, 1] - 0.8 * on[:, 2] * on[:, 3] + 2.0 * warm
        data.append((on, power + 0.1 * torch.randn(length, generator=g)))
    return data


def collate(batch):
    x = pad_sequence([a for a, _ in batch], batch_first=True)
    y = pad_sequence([b for _, b in batch], batch_first=True)
    n = torch.tensor([len(b) for _, b in batch])
    real = torch.arange(x.shape[1])[None, :] < n[:, None]
    return x, y, real


class PowerNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.GRU(4, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h).squeeze(-1)


class Experiment:
    def __init__(self):
        self.net = PowerNet()
        self.opt = torch.optim.Adam(self.net.parameters(), lr=5e-3)
        self.train = DataLoader(shifts(1000, 1), 32, shuffle=True, collate_fn=collate)
        self.test = DataLoader(shifts(300, 2), 100, collate_fn=collate)

    def fit_epoch(self):
        self.net.train()
        mean = 0.0
        for x, y, real in self.train:
            loss = F.mse_loss(self.net(x)[real], y[real])
            self.opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.opt.step()
            mean += loss.item() / len(self.train)
        return mean

    @torch.no_grad()
    def report(self):
        self.net.eval()
        gap = [(self.net(x) - y)[real] for x, y, real in self.test]
        gap = torch.cat(gap)
        return gap.abs().mean().item(), gap.mean().item()


if __name__ == "__main__":
    torch.manual_seed(31)
    exp = Experiment()
    for epoch in range(1, 16):
        loss = exp.fit_epoch()
        error, bias = exp.report()
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d} loss {loss:.4f} | test: mean abs error {error:.3f} kW, bias {bias:+.3f} kW")
