"""Recognise the call of eight bird species from small spectrogram patches."""
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Calls(Dataset):
    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        self.species = rng.integers(0, 8, count)
        f, t = np.mgrid[0:20, 0:24] / 20.0
        patches = []
        for s in self.species:
            slope = (-0.6, -0.2, 0.2, 0.6)[s % 4]
            base = rng.uniform(0.35, 0.65)
            wobble = 0.12 * np.sin(12 * t + rng.uniform(0, 6)) if s >= 4 else 0.0
            ridge = np.exp(-((f - base - slope * (t - 0.6) - wobble) / 0.06) ** 2)
            patches.append(ridge + rng.normal(0, 0.25, f.shape))
        p = np.stack(patches).astype("float32")[:, None]
        self.patches = (p - p.mean()) / p.std()

    def __len__(self):
        return len(self.species)

    def __getitem__(self, i):
        return self.patches[i], int(self.species[i])


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))


def network():
    return nn.Sequential(conv(1, 12), conv(12, 24), nn.Flatten(), nn.Linear(24 * 5 * 6, 64), nn.ReLU(), nn.Linear(64, 8))


def groups(net, decay):
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]


def main(argv=None):
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--epochs", type=int, default=6)
    ap.add_argument("--batch", type=int, default=40)
    ap.add_argument("--lr", type=float, default=0.8)
    ap.add_argument("--decay", type=float, default=1e-4)
    args = ap.parse_args(argv)

    torch.manual_seed(11)
    train = DataLoader(Calls(1600, 0), batch_size=args.batch, shuffle=True)
    valid = DataLoader(Calls(400, 1), batch_size=200)
    net = network()
    sgd = torch.optim.SGD(groups(net, args.decay), lr=args.lr, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        net.train()
        total = 0.0
        for patch, species in train:
            sgd.zero_grad()
            loss = criterion(net(patch), species)
            loss.backward()
            sgd.step()
            total += loss.item()
        net.eval()
        with torch.no_grad():
            right = sum((net(p).argmax(1) == s).sum().item() for p, s in valid)
        print(f"epoch {epoch} train loss {total / len(train):.4f} valid accuracy {right / 400:.3f}")


if __name__ == "__main__":
    main()
