import argparse

import torch
import torch.nn.functional as F
from torch import nn


class Experts(nn.Module):
    def __init__(self, width, hidden, count, k=2):
        super().__init__()
        self.k, self.count = k, count
        self.router = nn.Linear(width, count, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)) for _ in range(count))

    def forward(self, x):
        gate = self.router(x).softmax(-1)
        weight, chosen = gate.topk(self.k, dim=-1)
        weight = weight / weight.sum(-1, keepdim=True)
        out = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            row, slot = (chosen == e).nonzero(as_tuple=True)
            if len(row):
                out = out.index_add(0, row, expert(x[row]) * weight[row, slot, None])
        share = F.one_hot(chosen[:, 0], self.count).float().mean(0)
        balance = self.count * (share * gate.mean(0)).sum()
        return out, balance


class Router(nn.Module):
    def __init__(self, features, classes, width=32):
        super().__init__()
        self.inp = nn.Linear(features, width)
        self.norm = nn.LayerNorm(width)
        self.moe = Experts(width, 48, 6)
        self.out = nn.Linear(width, classes)

    def forward(self, x):
        h = self.inp(x)
        m, balance = self.moe(self.norm(h))
        return self.out(h + m), balance


def problem(n, seed):
    """Five domains; the domain decides which pair of features makes the label."""
    g = torch.Generator().manual_seed(seed)
    domain = torch.randint(0, 5, (n,), generator=g)
    x = torch.randn(n, 10, generator=g)
    a = x.gather(1, (2 * domain)[:, None])[:, 0]
    b = x.gather(1, (2 * domain + 1)[:, None])[:, 0]
    y = (a > 0).long() * 2 + (b > 0).long()
    return torch.cat([x, F.one_hot(domain, 5).float()], 1), y


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--steps", type=int, default=900)
    ap.add_argument("--balance", type=float, default=0.02)
    args = ap.parse_args()
    torch.manual_seed(0)
    x, y = problem(6000, 1)
    xt, yt = problem(1000, 2)
    net = Router(15, 4)
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for step in range(1, args.steps + 1):
        i = torch.randint(0, len(x), (128,))
        logits, balance = net(x[i])
        loss = F.cross_entropy(logits, y[i]) + args.balance * balance
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 150 == 0:
            net.eval()
            with torch.no_grad():
                acc = (net(xt)[0].argmax(-1) == yt).float().mean()
            net.train()
            print(f"step {step} loss {loss:.4f} balance {balance:.3f} test {acc:.3f}")


if __name__ == "__main__":
    main()
