import numpy as np
import torch
from torch import nn


class RadialBasis(nn.Module):
    def __init__(self, inputs, units, seed=0):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.centres = torch.randn(units, inputs, generator=g, requires_grad=True)
        self.log_width = torch.full((units,), -1.2, requires_grad=True)
        self.mix = nn.Linear(units, 1)

    def forward(self, x):
        d2 = (x.unsqueeze(1) - self.centres).square().sum(-1)
        return self.mix(torch.exp(-d2 / (2 * torch.exp(2 * self.log_width)))).squeeze(-1)


def map_of_prices(n, rng):
    where = rng.normal(size=(n, 4)).astype("float32")
    coast = np.exp(-0.5 * (where[:, 0] + 0.5 * where[:, 1]) ** 2)
    height = np.tanh(where[:, 2] * where[:, 3])
    price = 2 * coast + height + 0.05 * rng.normal(size=n)
    return torch.from_numpy(where), torch.from_numpy(price.astype("float32"))


def patience(limit):
    best, bad = float("inf"), 0

    def stop(value):
        nonlocal best, bad
        best, bad = (value, 0) if value < best - 1e-4 else (best, bad + 1)
        return bad >= limit

    return stop


rng = np.random.default_rng(3)
torch.manual_seed(3)
x, y = map_of_prices(2000, rng)
xv, yv = map_of_prices(500, rng)
mean, spread = y.mean(), y.std()
net = RadialBasis(4, 40)
opt = torch.optim.Adam(net.parameters(), lr=2e-2)
huber = nn.HuberLoss()
stop = patience(12)

for epoch in range(1, 61):
    for i in torch.randperm(len(x)).split(50):
        opt.zero_grad()
        loss = huber(net(x[i]), (y[i] - mean) / spread)
        loss.backward()
        opt.step()
    with torch.no_grad():
        guess = net(xv) * spread + mean
        error = (guess - yv).square().mean().item()
    if epoch % 10 == 0:
        print(f"epoch {epoch} last loss {loss.item():.4f} R2 {1 - error / yv.var().item():.3f}")
    if stop(error):
        break
print(f"stopped after {epoch} epochs, R2 {1 - error / yv.var().item():.3f}")
