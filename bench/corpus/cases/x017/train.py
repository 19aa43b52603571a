"""House-price style regression with an uncertainty for every prediction."""
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class GaussianRegressor(nn.Module):
    def __init__(self, n_in, hidden=64):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.mean = nn.Linear(hidden, 1)
        self.log_var = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.shared(x)
        return self.mean(h), self.log_var(h).clamp(-7, 7)


def gaussian_nll(mean, log_var, target):
    return 0.5 * (math.log(2 * math.pi) + log_var + (target - mean) ** 2 * torch.exp(-log_var)).mean()


def market(n, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 10, generator=g)
    mean = 0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.7 * torch.sin(2 * x[:, 2]) * x[:, 3]
    sigma = 0.1 + 0.3 * torch.sigmoid(2 * x[:, 4])
    return TensorDataset(x, mean + sigma * torch.randn(n, generator=g))


class EarlyStopper:
    def __init__(self, patience=6):
        self.best, self.bad, self.patience = float("inf"), 0, patience

    def __call__(self, value):
        self.best, self.bad = (value, 0) if value < self.best else (self.best, self.bad + 1)
        return self.bad >= self.patience


def run_training(epochs=25, lr=3e-3):
    torch.manual_seed(14)
    train_dl = DataLoader(market(3000, 1), batch_size=64, shuffle=True)
    val_x, val_y = market(800, 2).tensors
    model = GaussianRegressor(10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    stopper = EarlyStopper()

    def train_step(x, y):
        optimizer.zero_grad()
        mean, log_var = model(x)
        loss = gaussian_nll(mean, log_var, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    for epoch in range(epochs):
        model.train()
        nll = sum(train_step(x, y) for x, y in train_dl) / len(train_dl)
        model.eval()
        with torch.no_grad():
            mean, log_var = model(val_x)
        mean, sigma = mean[:, 0], torch.exp(0.5 * log_var[:, 0])
        r2 = 1 - (mean - val_y).square().mean() / val_y.var(unbiased=False)
        inside = ((mean - val_y).abs() < 2 * sigma).float().mean()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} nll {nll:.4f} R2 {r2:.3f} mean sigma {sigma.mean():.3f} inside two sigma {inside:.3f}")
        if stopper(1 - r2.item()):
            print(f"stopped after epoch {epoch + 1}, R2 {r2:.3f}, best {1 - stopper.best:.3f}")
            break


if __name__ == "__main__":
    run_training()
