"""Bike rentals an hour: counts, never negative, a third of them zero."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
rng = np.random.default_rng(3)


def make(n):
    hour, temp, rain = rng.integers(0, 24, n), rng.normal(15, 8, n), rng.random(n) < 0.2
    rate = np.exp(-1.5 + 2.4 * np.exp(-((hour - 17) / 4.0) ** 2) + 0.05 * temp - 0.8 * rain)
    x = np.stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), (temp - 15) / 8, rain], 1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(rng.poisson(rate), dtype=torch.float32).unsqueeze(1)


class CountNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.out = nn.Linear(48, 1)
        nn.init.constant_(self.out.bias, 1.0)

    def forward(self, x):
        return nn.functional.softplus(self.out(self.hidden(x)))


x_train, y_train = make(4000)
x_test, y_test = make(1000)
net = CountNet()
loss_fn = nn.PoissonNLLLoss(log_input=False, full=False)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(1, 21):
    net.train()
    run = 0.0
    for xb, yb in DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True):
        loss = loss_fn(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        run += loss.item() * len(xb)
    if epoch % 4 == 0:
        net.eval()
        with torch.no_grad():
            mu = net(x_test)
        dev = 2 * (torch.xlogy(y_test, y_test / mu) - (y_test - mu)).mean().item()
        base = y_train.mean()
        dev0 = 2 * (torch.xlogy(y_test, y_test / base) - (y_test - base)).mean().item()
        print(f"epoch {epoch} nll {run / len(x_train):.4f}  test deviance {dev:.4f} (constant {dev0:.4f})")
