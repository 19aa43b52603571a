import math
from collections import defaultdict

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PRIOR = 0.1


def init_weights(module):
    """Start from the rate of positives so that the first steps are not dominated by the many negatives."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.constant_(module.bias, -math.log((1 - PRIOR) / PRIOR))


class Detector(nn.Module):
    def __init__(self, n_in=16, width=64, depth=3):
        super().__init__()
        dims = [n_in] + [width] * depth
        self.trunk = nn.Sequential(*[m for a, b in zip(dims, dims[1:]) for m in (nn.Linear(a, b), nn.ReLU())])
        self.objectness = nn.Linear(width, 1)
        self.apply(init_weights)

    def forward(self, x):
        return self.objectness(self.trunk(x)).squeeze(-1)


def focal_loss(logits, target, gamma=2.0):
    bce = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_true = torch.exp(-bce)
    return ((1 - p_true) ** gamma * bce).mean()


def proposals(n, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 16, generator=g)
    hot = (x[:, 0] * x[:, 1] + x[:, 2].abs() - x[:, 3].abs()) + 0.2 * torch.randn(n, generator=g)
    return x, (hot > 1.3).float()


def fit(model, loader, val, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    history = defaultdict(list)
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for x, y in loader:
            loss = focal_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        history["loss"].append(running / len(loader))
        history["ap"].append(average_precision(model, *val))
        print(f"epoch {epoch + 1:2d} focal loss {history['loss'][-1]:.4f} val AP {history['ap'][-1]:.3f}")
    return history


def average_precision(model, x, y):
    model.eval()
    with torch.no_grad():
        rank = torch.argsort(model(x), descending=True, stable=True)
    hits = y[rank]
    precision = hits.cumsum(0) / torch.arange(1, len(y) + 1)
    return ((precision * hits).sum() / hits.sum()).item()


def main():
    torch.manual_seed(13)
    train, val = proposals(4000, 1), proposals(1000, 2)
    print(f"positives: {train[1].mean().item():.3f} of the training set, {val[1].mean().item():.3f} of the validation set")
    fit(Detector(), DataLoader(TensorDataset(*train), batch_size=64, shuffle=True), val, epochs=10, lr=1e-3)


main()
