"""Classify digits with a small CNN, Adam and a one-cycle schedule stepped per batch."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 6


def digits(seed):
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(seed))
    return torch.tensor(data.images, dtype=torch.float32)[order, None] / 16, torch.tensor(data.target)[order]


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, 10),
    )


def build(seed):
    x, y = digits(seed)
    torch.manual_seed(seed)
    loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=48, shuffle=True)
    return network(), F.cross_entropy, loader, (x[1200:], y[1200:])


def make_optimizer(model, lr):
    return torch.optim.Adam(model.parameters(), lr=lr)


def train(lr, seed):
    model, loss_fn, loader, (x_val, y_val) = build(seed)
    optimizer = make_optimizer(model, lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=EPOCHS * len(loader))
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            val = F.cross_entropy(model(x_val), y_val).item()
    return val


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=3e-5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(train(args.lr, args.seed))
