"""Arrays in memory that are indexed sample by sample for a small model: whole batches are what there is to win."""

import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset


def make_loader(*, batched=False, **settings):
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.data).float() / 16, torch.tensor(digits.target))
    if batched:
        sampler = BatchSampler(RandomSampler(data), 256, drop_last=False)
        return DataLoader(data, sampler=sampler, batch_size=None, **settings)
    return DataLoader(data, batch_size=256, shuffle=True, **settings)


def train(loader, seconds):
    torch.manual_seed(0)
    model = nn.Linear(64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    steps, started = 0, time.perf_counter()
    while True:
        for x, y in loader:
            if time.perf_counter() - started > seconds:
                return steps / (time.perf_counter() - started)
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1


if __name__ == "__main__":
    train(make_loader(), 600)
