import dataclasses

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclasses.dataclass
class Options:
    lr: float = 0.05
    momentum: float = 0.9
    decay: float = 0.0005
    epochs: int = 60
    batch: int = 16
    hidden: int = 32


class WineTrainer:
    def __init__(self, options):
        self.o = options
        self.net = nn.Sequential(nn.Linear(13, options.hidden), nn.ReLU(), nn.Linear(options.hidden, options.hidden), nn.ReLU(), nn.Linear(options.hidden, 3))
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        vectors = [p for p in self.net.parameters() if p.ndim == 1]
        self.opt = torch.optim.SGD(
            [{"params": matrices, "weight_decay": options.decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=options.lr,
            momentum=options.momentum,
        )

    def load(self):
        x, y = load_wine(return_X_y=True)
        xa, xb, ya, yb = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
        scaler = StandardScaler().fit(xa)
        as_t = lambda a: torch.tensor(scaler.transform(a), dtype=torch.float32)
        return as_t(xa), torch.tensor(ya), as_t(xb), torch.tensor(yb)

    def epoch(self, x, y):
        self.net.train()
        losses = []
        for idx in torch.randperm(len(x)).split(self.o.batch):
            loss = F.cross_entropy(self.net(x[idx]), y[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def accuracy(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()

    def fit(self):
        xa, ya, xb, yb = self.load()
        for e in range(self.o.epochs):
            loss = self.epoch(xa, ya)
            if e % 10 == 9:
                norm = sum(p.norm().item() for p in self.net.parameters() if p.ndim > 1)
                print(f"{e + 1:3d} loss {loss:.4f} train {self.accuracy(xa, ya):.3f} test {self.accuracy(xb, yb):.3f} |W| {norm:.2e}")


if __name__ == "__main__":
    torch.manual_seed(4)
    WineTrainer(Options()).fit()
