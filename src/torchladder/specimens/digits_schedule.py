"""Digits with a one-cycle schedule, clipped gradients and batches put together from two halves."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

epochs = 8
accumulate = 2
max_lr = 0.2


class Net(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.out(x)


def get_loaders():
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    order = torch.randperm(len(y))
    train, test = order[:1408], order[1408:]
    train_loader = DataLoader(TensorDataset(x[train], y[train]), batch_size=16, shuffle=True, drop_last=True)
    return train_loader, DataLoader(TensorDataset(x[test], y[test]), batch_size=256)


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    n_right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return n_right / len(loader.dataset)


torch.manual_seed(0)
train_loader, test_loader = get_loaders()
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=max_lr, momentum=0.9, weight_decay=1e-4)
n_steps = epochs * len(train_loader) // accumulate
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)

for epoch in range(epochs):
    model.train()
    total = 0.0
    optimizer.zero_grad()
    for i, (x, y) in enumerate(train_loader):
        loss = F.cross_entropy(model(x), y)
        (loss / accumulate).backward()
        if (i + 1) % accumulate == 0:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
        total += loss.item()
    # the end of the epoch
    mean = total / len(train_loader)
    print(f"epoch {epoch + 1} loss {mean:.4f} test accuracy {accuracy(model, test_loader):.3f}")
