import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class LowRankLinear(nn.Module):
    def __init__(self, base, rank=6, alpha=12):
        super().__init__()
        self.base = base
        self.lora_down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features ** 0.5)
        self.lora_up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.lora_down), self.lora_up)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 96), nn.GELU(), nn.Linear(96, 24), nn.GELU())
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        return self.head(self.body(x))


def inject(module, rank):
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, LowRankLinear(child, rank))
        else:
            inject(child, rank)


def to_fine_tune(base, rank=6):
    model = copy.deepcopy(base)
    inject(model.body, rank)
    for name, p in model.named_parameters():
        p.requires_grad_(name.startswith("head") or ".lora_" in name)
    return model


def fit(model, x, y, epochs, lr):
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr, weight_decay=0.0)
    for _ in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
    return total / len(x)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def other_camera(images):
    """Upside down, negative and a little blurred."""
    turned = 1.0 - images[:, ::-1, ::-1]
    return (0.7 * turned + 0.3 * np.roll(turned, 1, axis=2)).copy()


torch.manual_seed(19)
data = load_digits()
order = np.random.RandomState(19).permutation(len(data.target))
old, new = data.images[order] / 16.0, other_camera(data.images[order] / 16.0)
target = torch.tensor(data.target[order])
flat = lambda a: torch.tensor(a, dtype=torch.float32).flatten(1)

base = Reader()
loss = fit(base, flat(old[:900]), target[:900], epochs=25, lr=2e-3)
print(f"old camera: loss {loss:.3f} accuracy {accuracy(base, flat(old[1400:]), target[1400:]):.3f}")
print(f"new camera before: accuracy {accuracy(base, flat(new[1400:]), target[1400:]):.3f}")
model = to_fine_tune(base)
for stage in range(1, 7):
    loss = fit(model, flat(new[900:1400]), target[900:1400], epochs=10, lr=2e-3)
    print(f"fine-tuning {10 * stage:2d} epochs: loss {loss:.3f} accuracy {accuracy(model, flat(new[1400:]), target[1400:]):.3f}")
