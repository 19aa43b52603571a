"""Small-sample classification, regularised by dropout."""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Hyper:
    train_size: int = 150
    noise: float = 0.35
    lr: float = 1.5e-3
    epochs: int = 60
    batch_size: int = 25
    seed: int = 20


class Net(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.drop_in = nn.Dropout(0.3)
        self.fc1 = nn.Linear(64, width)
        self.drop1 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(width, width)
        self.drop2 = nn.Dropout(0.5)
        self.fc3 = nn.Linear(width, 10)

    def forward(self, x):
        x = self.drop1(F.relu(self.fc1(self.drop_in(x))))
        x = self.drop2(F.relu(self.fc2(x)))
        return self.fc3(x)


class Run:
    def __init__(self, hp):
        self.hp = hp
        torch.manual_seed(hp.seed)
        d = load_digits()
        x = torch.tensor(d.data, dtype=torch.float32) / 16
        x = x + hp.noise * torch.randn_like(x)
        y = torch.tensor(d.target)
        order = torch.randperm(len(y))
        a, b, c = order[:hp.train_size], order[hp.train_size:650], order[650:]
        mean, std = x[a].mean(), x[a].std()
        x = (x - mean) / std
        self.train_dl = DataLoader(TensorDataset(x[a], y[a]), hp.batch_size, shuffle=True)
        self.val_dl = DataLoader(TensorDataset(x[b], y[b]), 500)
        self.test_dl = DataLoader(TensorDataset(x[c], y[c]), 500)
        self.net = Net()
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=hp.lr)

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
            total = 0.0
            for x, y in self.train_dl:
                loss = F.cross_entropy(self.net(x), y)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                total += loss.item()
            if epoch % 10 == 0:
                val, acc = self.evaluate(self.val_dl)
                print(f"epoch {epoch} train loss {total / len(self.train_dl):.4f} val loss {val:.4f} accuracy {acc:.3f}")
        loss, acc = self.evaluate(self.test_dl)
        print(f"test loss {loss:.4f} accuracy {acc:.3f}")


Run(Hyper()).train()
