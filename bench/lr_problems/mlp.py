"""Classify digits with an MLP, dropout and Adam at a constant rate."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from cnn import digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 10


def build(seed):
    x, y = digits(seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=64, shuffle=True)
    return model, F.cross_entropy, loader, (x[1200:], y[1200:])


def make_optimizer(model, lr):
    return torch.optim.Adam(model.parameters(), lr=lr)


def train(lr, seed):
    model, loss_fn, loader, (x_val, y_val) = build(seed)
    optimizer = make_optimizer(model, lr)
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val = F.cross_entropy(model(x_val), y_val).item()
    return val


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(train(args.lr, args.seed))
