"""Predict which customers leave, from five columns in very different units, with an MLP."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
rng = np.random.default_rng(0)


class Customers(Dataset):
    """Rows of features, standardised by the given mean and deviation, with a 0/1 label."""

    def __init__(self, rows, left, mean, std):
        self.features = torch.tensor((rows - mean) / std, dtype=torch.float32)
        self.labels = torch.tensor(left, dtype=torch.float32)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.features[index], self.labels[index]


def simulate(n):
    age = rng.uniform(18, 90, n)
    income = rng.lognormal(10.6, 0.4, n)
    tenure_days = rng.uniform(10, 4000, n)
    discount = rng.uniform(0.0, 0.1, n)
    calls = rng.poisson(3.0, n)
    # leaving needs no discount and either many calls or a short tenure; older people stay more
    pull = 25 * (0.05 - discount) + 0.5 * (calls - 3) - (tenure_days - 2000) / 1000
    pull += (54 - age) / 30 + 2.0 * np.sign(income - 40_000) * np.sign(calls - 2.5)
    left = pull + 0.3 * rng.standard_normal(n) > 0
    return np.stack([age, income, tenure_days, discount, calls], axis=1), left


rows, left = simulate(2000)
train_rows, test_rows = rows[:1600], rows[1600:]
train_left, test_left = left[:1600], left[1600:]

# statistics of the training rows only; the test rows are scaled by the same numbers
mean, std = train_rows.mean(axis=0), train_rows.std(axis=0)
train_loader = DataLoader(Customers(train_rows, train_left, mean, std), batch_size=32, shuffle=True)
test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)

model = nn.Sequential(
    nn.Linear(5, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(12):
    model.train()
    losses = []
    for xb, yb in train_loader:
        optimizer.zero_grad()
        logits = model(xb).squeeze(-1)
        loss = criterion(logits, yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    model.eval()
    correct = 0
    with torch.no_grad():
        for features, labels in test_loader:
            correct += ((model(features).squeeze(-1) > 0) == (labels > 0.5)).sum().item()
    if (epoch + 1) % 4 == 0:
        accuracy = correct / len(test_loader.dataset)
        print(f"epoch {epoch + 1:2d}  train loss {np.mean(losses):.4f}  test accuracy {accuracy:.4f}")
