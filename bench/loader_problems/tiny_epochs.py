"""A tiny data set: eight batches an epoch, read with a little latency, and two workers started anew for each epoch."""

import time

import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler


class Flowers(Dataset):
    def __init__(self):
        iris = load_iris()
        self.x, self.y = torch.tensor(iris.data[::2]).float()[:64], torch.tensor(iris.target[::2])[:64]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        time.sleep(0.003)
        return self.x[index], self.y[index]


def make_loader(*, batched=False, **settings):
    data, settings = Flowers(), {"num_workers": 2, **settings}
    if batched:
        return DataLoader(
            data, sampler=BatchSampler(RandomSampler(data), 8, drop_last=False), batch_size=None, **settings
        )
    return DataLoader(data, batch_size=8, shuffle=True, **settings)


def train(loader, seconds):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
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
