import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class CountModel(nn.Module):
    """log(rate) = network(x) + log(exposure)."""

    def __init__(self, n_in, mean_rate):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, 48), nn.Softplus(), nn.Linear(48, 48), nn.Softplus(), nn.Linear(48, 1))
        nn.init.constant_(self.net[-1].bias, float(np.log(mean_rate)))

    def forward(self, x, log_exposure):
        return self.net(x).squeeze(1) + log_exposure


def visits(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    exposure = rng.uniform(0.2, 4.0, n)
    rate = np.exp(-0.6 + 0.5 * x[:, 0] - 0.5 * np.abs(x[:, 1]) + 0.3 * x[:, 2] * x[:, 3])
    return x, exposure, rng.poisson(rate * exposure)


def deviance(mu, y):
    return 2 * (torch.xlogy(y, y / mu) - (y - mu)).mean().item()


def main():
    torch.manual_seed(70)
    x, exposure, y = visits(5000, 70)
    data = TensorDataset(*(torch.tensor(a, dtype=torch.float32) for a in (x, np.log(exposure), y)))
    train, test = random_split(data, [4000, 1000])
    loader = DataLoader(train, batch_size=80, shuffle=True)
    _, tl, ty = (c[train.indices] for c in data.tensors)
    base_rate = ty.sum().item() / tl.exp().sum().item()
    model = CountModel(6, base_rate)
    criterion = nn.PoissonNLLLoss(log_input=True, full=False)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    xe, le, ye = (c[test.indices] for c in data.tensors)
    print(f"share of zeros {(ye == 0).float().mean():.3f}, deviance of a constant rate {deviance(base_rate * le.exp(), ye):.4f}")
    for epoch in range(12):
        model.train()
        total = 0.0
        for xb, lb, yb in loader:
            loss = criterion(model(xb, lb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            mu = model(xe, le).exp()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} poisson loss {total / len(loader):.4f} test deviance {deviance(mu, ye):.4f}")


if __name__ == "__main__":
    main()
