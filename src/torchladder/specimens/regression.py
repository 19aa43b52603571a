"""Fit a smooth function of eight inputs with a small MLP; batches are slices of shuffled tensors."""

import torch
from torch import nn

torch.manual_seed(0)
batch_size = 32
epochs = 20

# synthetic data: three of the eight inputs matter, plus a little noise; targets have variance near 1
x = torch.randn(2560, 8)
y = torch.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.05 * torch.randn(2560)
x_train, y_train = x[:2048], y[:2048]
x_test, y_test = x[2048:], y[2048:]

model = nn.Sequential(
    nn.Linear(8, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
mse = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(epochs):
    model.train()
    order = torch.randperm(len(x_train))
    xs, ys = x_train[order], y_train[order]
    total = 0.0
    for i in range(0, len(xs), batch_size):
        xb, yb = xs[i : i + batch_size], ys[i : i + batch_size]
        loss = mse(model(xb).squeeze(-1), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)

    model.eval()
    with torch.no_grad():
        test_loss = mse(model(x_test).squeeze(-1), y_test).item()
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1:2d}  train loss {total / len(xs):.4f}  test loss {test_loss:.4f}")

# what a constant answer would reach: the variance of the test targets
print(f"test loss {test_loss:.4f}, variance of the targets {y_test.var().item():.4f}")
