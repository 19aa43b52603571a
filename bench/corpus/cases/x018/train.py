import argparse
import json

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class ClaimCounts(Dataset):
    """Number of claims per policy in a year."""

    def __init__(self, n, seed):
        rng = np.random.RandomState(seed)
        self.x = rng.randn(n, 8).astype("float32")
        log_rate = 0.7 + 0.5 * self.x[:, 0] - 0.4 * self.x[:, 1] * (self.x[:, 2] > 0) + 0.3 * np.cos(2 * self.x[:, 3])
        self.y = rng.poisson(np.exp(log_rate)).astype("float32")

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class RateNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.hidden = nn.Linear(8, hidden)
        self.hidden2 = nn.Linear(hidden, hidden)
        self.log_rate = nn.Linear(hidden, 1)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        x = torch.relu(self.hidden2(x))
        return self.log_rate(x).flatten()


def deviance(log_rate, y):
    ylogy = torch.xlogy(y, y)
    return 2 * (ylogy - y * log_rate - y + log_rate.exp()).mean()


def fit(args, model, loader, val):
    criterion = nn.PoissonNLLLoss(log_input=True)
    optimizer = torch.optim.NAdam(model.parameters(), lr=args.lr)
    x_val, y_val = torch.tensor(val.x), torch.tensor(val.y)
    null = deviance(y_val.mean().log().expand_as(y_val), y_val).item()
    log = []
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(y, model(x))
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            out = model(x_val)
        log.append({"epoch": epoch, "loss": round(total / len(loader), 4), "deviance": round(deviance(out, y_val).item(), 4),
                    "null_deviance": round(null, 4)})
        print(json.dumps(log[-1]))
    return log


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--hidden", type=int, default=48)
    ap.add_argument("--epochs", type=int, default=8)
    args = ap.parse_args()
    torch.manual_seed(19)
    loader = DataLoader(ClaimCounts(4000, 3), batch_size=80, shuffle=True)
    fit(args, RateNet(args.hidden), loader, ClaimCounts(1000, 4))
