"""Mixture density network for an inverse problem with several answers."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class MDN(nn.Module):
    def __init__(self, hidden=48, components=3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.pi = nn.Linear(hidden, components)
        self.mu = nn.Linear(hidden, components)
        self.sigma = nn.Linear(hidden, components)

    def forward(self, x):
        h = self.body(x)
        return F.softmax(self.pi(h), dim=1), self.mu(h), F.softplus(self.sigma(h)) + 0.01

    def density(self, x, y):
        pi, mu, sigma = self(x)
        normal = -0.5 * ((y - mu) / sigma) ** 2 - torch.log(sigma * math.sqrt(2 * math.pi))
        return torch.logsumexp(pi.log() + normal, 1)


def nll(model, x, y):
    return -model.density(x, y).mean()


def inverse_data(n, gen):
    t = 2 * torch.rand(n, 1, generator=gen) - 1
    y = 4.0 * t
    x = torch.sin(5.0 * t) * 1.2 + 0.6 * t + 0.02 * torch.randn(n, 1, generator=gen)
    glitch = torch.rand(n, 1, generator=gen) < 0.003
    y = torch.where(glitch, 8 * torch.rand(n, 1, generator=gen) - 4, y)
    return x, y


class Session:
    def __init__(self, seed=30):
        torch.manual_seed(seed)
        gen = torch.Generator().manual_seed(seed)
        self.train, self.valid = inverse_data(3000, gen), inverse_data(600, gen)
        self.model = MDN()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=4e-3)

    def epoch(self, batch=60):
        self.model.train()
        x, y = self.train
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            self.optimizer.zero_grad()
            loss = nll(self.model, x[idx], y[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            total += loss.item() * len(idx)
        return total / len(x)

    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            return nll(self.model, *self.valid).item()


if __name__ == "__main__":
    s = Session()
    for e in range(1, 21):
        train_nll = s.epoch()
        if e % 2 == 0:
            print(f"epoch {e:2d} train nll {train_nll:.4f} validation nll {s.evaluate():.4f}")
