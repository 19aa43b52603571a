"""A multi-head regressor of appliance loads; prints how much memory the process holds."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def resident_mb():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / 2**20


class LoadNet(nn.Module):
    def __init__(self, d=24, width=128):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(d, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.day, self.night = nn.Linear(width, 1), nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.day(h).squeeze(1), self.night(h).squeeze(1)


def weather(n, g):
    x = torch.randn(n, 24, generator=g)
    day = torch.sin(x[:, 0] + x[:, 1]) + 0.3 * x[:, 2]
    night = torch.tanh(x[:, 3] - x[:, 4]) + 0.2 * x[:, 5]
    return x, day + 0.05 * torch.randn(n, generator=g), night + 0.05 * torch.randn(n, generator=g)


class History:
    """The losses of the run, for the plot at the end."""

    def __init__(self):
        self.rows = []

    def add(self, **terms):
        self.rows.append(terms)

    def mean(self, name, last):
        picked = [float(r[name]) for r in self.rows[-last:]]
        return sum(picked) / len(picked)


def fit(steps=600, batch=256):
    g = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    x, day, night = weather(8000, g)
    net, history = LoadNet(), History()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    start = resident_mb()
    for step in range(1, steps + 1):
        i = torch.randint(0, len(x), (batch,), generator=g)
        a, b = net(x[i])
        loss_day, loss_night = F.mse_loss(a, day[i]), F.mse_loss(b, night[i])
        total = loss_day + loss_night
        opt.zero_grad()
        total.backward()
        opt.step()
        history.add(day=loss_day.item(), night=loss_night.item())
        if step % 100 == 0:
            print(f"step {step} day {history.mean('day', 100):.4f} night {history.mean('night', 100):.4f} grown by {resident_mb() - start:.0f} MB")


if __name__ == "__main__":
    fit()
