from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass
class Rates:
    table: dict = field(default_factory=lambda: {
        "rnn": 0.5, "out": 0.5,
    })

    def groups(self, net):
        return [{"params": getattr(net, name).parameters(), "lr": lr} for name, lr in self.table.items()]


class RhythmNet(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 3)

    def forward(self, x):
        seq, _ = self.rnn(x)
        return self.out(seq.mean(1))


def windows(n, length=50, seed=0):
    g = torch.Generator().manual_seed(seed)
    kind = torch.multinomial(torch.tensor([0.5, 0.25, 0.25]), n, replacement=True, generator=g)
    pulse = torch.zeros(n, length, 1)
    for i in range(n):
        gap = {0: 10.0, 1: 6.0, 2: 10.0}[int(kind[i])]
        t = float(torch.rand(1, generator=g)) * gap
        while t < length:
            pulse[i, int(t), 0] = 1.5
            jitter = 5.0 if kind[i] == 2 else 0.6
            t += max(2.0, gap + jitter * float(torch.randn(1, generator=g)))
    return pulse + 0.08 * torch.randn(n, length, 1, generator=g), kind


@dataclass
class Experiment:
    rates: Rates = field(default_factory=Rates)
    batch: int = 50
    rounds: int = 14

    def stream(self, x, y):
        for idx in torch.randperm(len(x)).split(self.batch):
            yield x[idx], y[idx]

    def go(self):
        torch.manual_seed(5)
        x, y = windows(1000, seed=1)
        xt, yt = windows(400, seed=2)
        net = RhythmNet()
        adam = torch.optim.Adam(self.rates.groups(net))
        ce = nn.CrossEntropyLoss()
        for r in range(self.rounds):
            losses = []
            for xb, yb in self.stream(x, y):
                loss = ce(net(xb), yb)
                adam.zero_grad()
                loss.backward()
                adam.step()
                losses.append(loss.item())
            if r % 2 == 1:
                with torch.no_grad():
                    hit = (net(xt).argmax(1) == yt).float().mean()
                print(f"round {r + 1:2d}: loss {sum(losses) / len(losses):.3f}, worst {max(losses):.3f}, test accuracy {hit:.3f}")


Experiment().go()
