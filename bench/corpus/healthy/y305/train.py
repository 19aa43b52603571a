"""Accumulate over micro-batches (the last group is shorter), clip once per update, one-cycle rate per update."""
import math

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(14)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
train_set = TensorDataset(x[perm[:1450]], y[perm[:1450]])
x_test, y_test = x[perm[1450:]], y[perm[1450:]]

micro, group, epochs = 16, 4, 8
loader = DataLoader(train_set, batch_size=micro, shuffle=True)
updates_per_epoch = math.ceil(len(loader) / group)

net = nn.Sequential(nn.Linear(64, 96), nn.LayerNorm(96), nn.GELU(), nn.Linear(96, 10))
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=8e-3, total_steps=epochs * updates_per_epoch)


def groups(loader, k):
    held = []
    for batch in loader:
        held.append(batch)
        if len(held) == k:
            yield held
            held = []
    if held:
        yield held


for epoch in range(1, epochs + 1):
    net.train()
    total = 0.0
    for held in groups(loader, group):
        count = sum(len(t) for _, t in held)
        opt.zero_grad()
        for xb, yb in held:
            loss = nn.functional.cross_entropy(net(xb), yb, reduction="sum") / count
            loss.backward()
            total += loss.item() * count
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        sched.step()
    net.eval()
    with torch.no_grad():
        acc = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.2e} loss {total / len(train_set):.4f} test accuracy {acc:.3f}")
