"""Regress a function of ten columns with an MLP trained by SGD with momentum."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 8


def build(seed):
    x, y = make_friedman1(2600, n_features=10, noise=0.5, random_state=seed)
    x, y = torch.tensor(x, dtype=torch.float32) * 2 - 1, torch.tensor(y, dtype=torch.float32)
    y = (y - y[:2000].mean()) / y[:2000].std()
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
    loader = DataLoader(TensorDataset(x[:2000], y[:2000]), batch_size=64, shuffle=True)
    return model, F.mse_loss, loader, (x[2000:], y[2000:])


def make_optimizer(model, lr):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def train(lr, seed):
    model, loss_fn, loader, (x_val, y_val) = build(seed)
    optimizer = make_optimizer(model, lr)
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val = F.mse_loss(model(x_val), y_val).item()
    return val


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(train(args.lr, args.seed))
