"""Flag card payments that look like fraud."""
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

COLUMNS = ["amount", "hour", "distance", "age_of_card", "attempts", "new_shop"]


def payments(n, seed):
    r = np.random.default_rng(seed)
    fraud = r.random(n) < 0.015
    table = pd.DataFrame(r.normal(size=(n, len(COLUMNS))), columns=COLUMNS)
    table["amount"] += 1.1 * fraud
    table["distance"] += 1.2 * fraud
    table["attempts"] += 0.9 * fraud
    table["fraud"] = fraud.astype("float32")
    return table


def tensors(table):
    return torch.tensor(table[COLUMNS].to_numpy("float32")), torch.tensor(table["fraud"].to_numpy("float32"))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(len(COLUMNS), 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.layers(x).squeeze(-1)


def score(logit, truth):
    said = logit > 0
    hit = said.float()
    return 0.5 * (hit[truth.bool()].mean() + (1 - hit[~truth.bool()]).mean()).item()


torch.manual_seed(3)
x, y = tensors(payments(9000, 0))
xv, yv = tensors(payments(4000, 1))
loader = DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True)
detector = Detector()
criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - y).sum() / y.sum())
optimizer = torch.optim.Adam(detector.parameters(), lr=1e-3)

for epoch in range(8):
    detector.train()
    for features, fraud in loader:
        optimizer.zero_grad()
        loss = criterion(detector(features), fraud)
        loss.backward()
        optimizer.step()
    detector.eval()
    with torch.no_grad():
        logit = detector(xv)
    print(f"epoch {epoch + 1} validation score {score(logit, yv):.3f}")

caught = int(((logit > 0) & yv.bool()).sum())
print(f"frauds caught: {caught} of {int(yv.sum())}")
