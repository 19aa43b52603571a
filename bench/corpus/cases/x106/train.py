import math
from collections import namedtuple

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

Config = namedtuple("Config", "widths act lr batch per_epoch epochs")
CFG = Config(widths=[3, 48, 48, 24], act=nn.ELU, lr=2e-3, batch=64, per_epoch=1920, epochs=8)


class Shells(IterableDataset):
    """Endless stream of points on two nested shells, inner 0 and outer 1."""

    def __init__(self, size, seed):
        self.size, self.rng = size, torch.Generator().manual_seed(seed)

    def __iter__(self):
        for _ in range(self.size):
            shell = int(torch.randint(0, 2, (1,), generator=self.rng))
            d = torch.randn(3, generator=self.rng)
            r = 0.7 + 0.7 * shell + 0.1 * float(torch.randn(1, generator=self.rng))
            yield d / d.norm() * r, shell


class Stack(nn.Module):
    def __init__(self, widths, act):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.act = act()
        self.out = nn.Linear(widths[-1], 2)
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_features))
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.out(x)


def evaluate(net, loader):
    net.eval()
    with torch.no_grad():
        hits = [(net(x).argmax(-1) == y).float() for x, y in loader]
    net.train()
    return torch.cat(hits).mean().item()


def main(cfg=CFG):
    torch.manual_seed(0)
    net = Stack(cfg.widths, cfg.act)
    opt = torch.optim.Adam(net.parameters(), lr=cfg.lr)
    stream = DataLoader(Shells(cfg.per_epoch, 1), batch_size=cfg.batch)
    held = list(DataLoader(Shells(600, 2), batch_size=200))
    for epoch in range(1, cfg.epochs + 1):
        running = []
        for x, y in stream:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            running.append(loss.detach())
        print(f"epoch {epoch} loss {torch.stack(running).mean():.4f} accuracy {evaluate(net, held):.3f}")


if __name__ == "__main__":
    main()
