# Digits with a small MLP. The board has little memory, so a batch is cut into micro-batches
# and the gradients are collected before every update.
import torch
from sklearn.datasets import load_digits
from torch import nn

BATCH = 32
MICRO = 32
EPOCHS = 5

torch.manual_seed(11)
bunch = load_digits()
X = torch.tensor(bunch.data, dtype=torch.float32) / 16
y = torch.tensor(bunch.target)
order = torch.randperm(len(X))
train_idx, test_idx = order[:1280], order[1280:]

model = nn.Sequential(
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(),
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(),
    nn.Linear(64, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()


def micro_batches(idx):
    return idx.split(MICRO)


for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for batch in train_idx[torch.randperm(len(train_idx))].split(BATCH):
        optimizer.zero_grad()
        for part in micro_batches(batch):
            loss = criterion(model(X[part]), y[part]) * len(part) / len(batch)
            loss.backward()
            total += loss.item() * len(batch)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(X[test_idx])
        test_loss = criterion(logits, y[test_idx]).item()
        acc = (logits.argmax(1) == y[test_idx]).float().mean().item()
    print(f"epoch {epoch} train loss {total / len(train_idx):.3f} test loss {test_loss:.3f} test accuracy {acc:.3f}")
