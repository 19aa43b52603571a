from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass
class Settings:
    inputs: tuple = ("age_days", "load", "oil_temp", "vibration", "starts_per_day")
    hidden: int = 32
    lr: float = 3e-3
    batch: int = 64
    epochs: int = 12
    seed: int = 21


def fleet(n, seed, archived=True):
    """One row per pump. `fails` says whether it broke down within the following 30 days."""
    r = np.random.default_rng(seed)
    t = {
        "age_days": r.gamma(3.0, 300.0, n),
        "load": r.uniform(0.2, 1.0, n),
        "oil_temp": r.normal(70, 8, n),
        "vibration": r.lognormal(0.0, 0.4, n),
        "starts_per_day": r.poisson(5, n).astype(float),
    }
    risk = (t["age_days"] - 900) / 500 + 3 * (t["load"] - 0.6) + (t["oil_temp"] - 70) / 10 + 2 * (t["vibration"] - 1.1)
    t["fails"] = (risk + 1.2 * r.normal(size=n) > 1.0).astype(float)
    ticket = np.where(t["fails"] > 0, r.gamma(6.0, 15.0, n) + 20.0, 0.0)
    t["ticket_minutes"] = ticket if archived else np.zeros(n)
    return t


class Standardise:
    def __init__(self, table, names):
        self.names = names
        self.mu = np.array([table[c].mean() for c in names])
        self.sd = np.array([table[c].std() for c in names])

    def __call__(self, table):
        m = np.stack([table[c] for c in self.names], axis=1)
        return torch.tensor((m - self.mu) / self.sd, dtype=torch.float32), torch.tensor(table["fails"], dtype=torch.float32)


class Trainer:
    def __init__(self, s: Settings):
        self.s = s
        torch.manual_seed(s.seed)
        self.net = nn.Sequential(nn.Linear(len(s.inputs), s.hidden), nn.ReLU(), nn.Linear(s.hidden, s.hidden), nn.ReLU(),
                                 nn.Linear(s.hidden, 1))
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=s.lr)
        self.loss = nn.BCEWithLogitsLoss()

    def fit(self, x, y, xv, yv):
        for epoch in range(1, self.s.epochs + 1):
            self.net.train()
            losses = []
            for pick in torch.randperm(len(x)).split(self.s.batch):
                loss = self.loss(self.net(x[pick]).squeeze(1), y[pick])
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                losses.append(loss.item())
            acc, recall = self.score(xv, yv)
            print(f"[{epoch:2d}] loss {np.mean(losses):.4f}  valid accuracy {acc:.3f} recall {recall:.3f}")

    @torch.no_grad()
    def score(self, x, y):
        self.net.eval()
        alarm = self.net(x).squeeze(1) > 0
        return (alarm == (y > 0.5)).float().mean().item(), alarm[y > 0.5].float().mean().item()


def main():
    s = Settings()
    past, check, running = fleet(4000, 1), fleet(1000, 2), fleet(1000, 3, archived=False)
    prepare = Standardise(past, s.inputs)
    trainer = Trainer(s)
    trainer.fit(*prepare(past), *prepare(check))
    acc, recall = trainer.score(*prepare(running))
    print(f"pumps in service: accuracy {acc:.3f} recall {recall:.3f}")


main()
