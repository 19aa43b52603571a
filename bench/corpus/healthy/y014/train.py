"""One encoder, two heads: cultivar class and (when known) the alcohol content of simulated wines."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

IGNORE = -100


@dataclass
class Batch:
    x: torch.Tensor
    cultivar: torch.Tensor
    alcohol: torch.Tensor


class Cellar(Dataset):
    """A third of the wines lack the cultivar, half lack the measurement (NaN)."""

    def __init__(self, n, seed, complete=False):
        g = torch.Generator().manual_seed(seed)
        self.x = torch.randn(n, 12, generator=g)
        s = torch.stack([self.x[:, 0] * self.x[:, 1], self.x[:, 2] + self.x[:, 3], self.x[:, 4] - self.x[:, 0]], 1)
        self.cultivar = s.argmax(1)
        self.alcohol = 0.6 * s[:, 1] + torch.tanh(self.x[:, 5]) + 0.1 * torch.randn(n, generator=g)
        if not complete:
            self.cultivar[torch.rand(n, generator=g) < 0.33] = IGNORE
            self.alcohol[torch.rand(n, generator=g) < 0.5] = float("nan")

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.cultivar[i], self.alcohol[i]


def collate(rows):
    return Batch(*(torch.stack(c) for c in zip(*rows)))


class TwoHeads(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.cls, self.reg = nn.Linear(width, 3), nn.Linear(width, 1)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.encoder(x)
        return {"cultivar": self.cls(h), "alcohol": self.reg(h).squeeze(-1)}

    def loss(self, out, batch):
        ce = F.cross_entropy(out["cultivar"], batch.cultivar, ignore_index=IGNORE)
        known = ~torch.isnan(batch.alcohol)
        mse = F.mse_loss(out["alcohol"][known], batch.alcohol[known])
        parts = torch.stack([ce, mse])
        return (torch.exp(-self.log_var) * parts + self.log_var).sum(), parts.detach()


def main():
    torch.manual_seed(50)
    train = DataLoader(Cellar(3000, 1), batch_size=64, shuffle=True, collate_fn=collate)
    test = Cellar(800, 2, complete=True)
    model = TwoHeads()
    opt = torch.optim.Adam([{"params": [p for n, p in model.named_parameters() if n != "log_var"], "lr": 2e-3},
                            {"params": [model.log_var], "lr": 1e-2}])
    for epoch in range(12):
        model.train()
        total, sums = 0.0, torch.zeros(2)
        for batch in train:
            loss, parts = model.loss(model(batch.x), batch)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
            sums += parts
        model.eval()
        with torch.no_grad():
            out = model(test.x)
        acc = (out["cultivar"].argmax(1) == test.cultivar).float().mean().item()
        r2 = 1 - ((out["alcohol"] - test.alcohol).square().mean() / test.alcohol.var()).item()
        if epoch % 3 == 2:
            ce, mse = (sums / len(train)).tolist()
            print(f"epoch {epoch + 1} loss {total / len(train):.3f} (ce {ce:.3f}, mse {mse:.3f}) accuracy {acc:.3f} R2 {r2:.3f}")


if __name__ == "__main__":
    main()
