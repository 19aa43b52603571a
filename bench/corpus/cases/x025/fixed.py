"""A plain (residual-free) convolutional stack on the digits."""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Hyper:
    depth: int = 8
    width: int = 16
    lr: float = 0.05
    weight_decay: float = 1e-4
    epochs: int = 6
    batch_size: int = 32
    seed: int = 20


class PlainNet(nn.Module):
    def __init__(self, depth, width, classes=10):
        super().__init__()
        layers, channels = [], 1
        for i in range(depth):
            layers += [nn.Conv2d(channels, width, 3, stride=2 if i == 3 else 1, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(width * 16, classes)

    def forward(self, x):
        return self.head(self.dropout(self.features(x).flatten(1)))


class Run:
    def __init__(self, hp):
        self.hp = hp
        torch.manual_seed(hp.seed)
        d = load_digits()
        x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
        y = torch.tensor(d.target)
        order = torch.randperm(len(y))
        a, b, c = order[:1200], order[1200:1500], order[1500:]
        self.train_dl = DataLoader(TensorDataset(x[a], y[a]), hp.batch_size, shuffle=True, drop_last=True)
        self.val_dl = DataLoader(TensorDataset(x[b], y[b]), 300)
        self.test_dl = DataLoader(TensorDataset(x[c], y[c]), 300)
        self.net = PlainNet(hp.depth, hp.width)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=hp.lr, momentum=0.9, weight_decay=hp.weight_decay)

    def evaluate(self, loader):
        self.net.eval()
        loss = hits = n = 0
        with torch.no_grad():
            for x, y in loader:
                out = self.net(x)
                loss += F.cross_entropy(out, y, reduction="sum").item()
                hits += (out.argmax(1) == y).sum().item()
                n += len(y)
        return loss / n, hits / n

    def train(self):
        val, acc = self.evaluate(self.val_dl)
        print(f"before training: val loss {val:.4f} accuracy {acc:.3f}")
        for epoch in range(1, self.hp.epochs + 1):
            self.net.train()
            total = 0.0
            for x, y in self.train_dl:
                loss = F.cross_entropy(self.net(x), y)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                total += loss.item()
            val, acc = self.evaluate(self.val_dl)
            print(f"epoch {epoch} train loss {total / len(self.train_dl):.4f} val loss {val:.4f} accuracy {acc:.3f}")
        loss, acc = self.evaluate(self.test_dl)
        print(f"test loss {loss:.4f} accuracy {acc:.3f}")


Run(Hyper()).train()
