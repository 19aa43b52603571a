import numpy as np
import torch
import torch.nn as nn

SEED, WINDOW, BATCH = 3, 24, 64
np.random.seed(SEED)
torch.manual_seed(SEED)


def hourly_rentals(days=260):
    """Bikes taken per hour at one small station."""
    hour = np.arange(days * 24)
    rate = 6 + 5 * np.sin(2 * np.pi * (hour % 24 - 8) / 24) + 2.5 * np.sin(2 * np.pi * hour / (24 * 7))
    return np.random.poisson(np.clip(rate, 0.7, None)).astype(np.float64)


def make_features(rentals):
    hour = np.arange(len(rentals))
    prev = np.roll(rentals, 1)
    prev[0] = rentals[0]
    with np.errstate(all="ignore"):
        growth = (rentals - prev) / prev
    feats = np.stack([
        np.log1p(rentals) - 1.7,
        growth,
        np.sin(2 * np.pi * hour / 24),
        np.cos(2 * np.pi * hour / 24),
    ], axis=1)
    return feats.astype(np.float32)


def windows(feats, target, start, stop):
    xs = np.stack([feats[i - WINDOW:i] for i in range(start, stop)])
    return torch.from_numpy(xs), torch.from_numpy(target[start:stop].astype(np.float32))


def batches(x, y, shuffle):
    order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
    for chunk in order.split(BATCH):
        yield x[chunk], y[chunk]


class Forecaster(nn.Module):
    def __init__(self, n_features, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.out(states[:, -1]).squeeze(-1)


rentals = hourly_rentals()
features = make_features(rentals)
target = np.log1p(rentals) - 1.7
cut = int(0.8 * len(rentals))
train_x, train_y = windows(features, target, WINDOW, cut)
test_x, test_y = windows(features, target, cut + WINDOW, len(rentals))
print("training windows", tuple(train_x.shape), "test windows", tuple(test_x.shape))

model = Forecaster(features.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.SmoothL1Loss()
for epoch in range(6):
    model.train()
    losses = []
    for x, y in batches(train_x, train_y, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        pred = torch.cat([model(x) for x, _ in batches(test_x, test_y, shuffle=False)])
    mae = (torch.expm1(pred + 1.7) - torch.expm1(test_y + 1.7)).abs().mean().item()
    print(f"epoch {epoch + 1}: train loss {np.mean(losses):.4f}  test MAE {mae:.3f} bikes")
