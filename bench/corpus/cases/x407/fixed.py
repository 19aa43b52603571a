"""Structured pruning of an MLP followed by fine-tuning (digits)."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    def __init__(self, hidden=(256, 128)):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], 10)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.fc3(self.act(self.fc2(self.act(self.fc1(x)))))


def shrink(layer, rows, cols):
    """a smaller copy of a linear layer that keeps the given outputs and inputs"""
    new = nn.Linear(len(cols), len(rows))
    with torch.no_grad():
        new.weight.copy_(layer.weight[rows][:, cols])
        new.bias.copy_(layer.bias[rows])
    return new


def prune(model, keep):
    k1 = model.fc1.weight.abs().sum(1).topk(int(keep * model.fc1.out_features)).indices.sort().values
    k2 = model.fc2.weight.abs().sum(1).topk(int(keep * model.fc2.out_features)).indices.sort().values
    model.fc1 = shrink(model.fc1, k1, torch.arange(64))
    model.fc2 = shrink(model.fc2, k2, k1)
    model.fc3 = shrink(model.fc3, torch.arange(10), k2)
    return model


def train(model, loader, optimizer, scheduler, epochs, tag):
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        losses = []
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        print(f"[{tag}] epoch {epoch} loss {np.mean(losses):.4f}")


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    return np.mean([(model(x).argmax(1) == y).float().mean().item() for x, y in loader])


if __name__ == "__main__":
    torch.manual_seed(5)
    X, y = load_digits(return_X_y=True)
    X, y = torch.tensor(X / 16 - 0.3, dtype=torch.float32), torch.tensor(y)
    perm = torch.randperm(len(y))
    train_loader = DataLoader(TensorDataset(X[perm[:1400]], y[perm[:1400]]), batch_size=50, shuffle=True)
    test_loader = DataLoader(TensorDataset(X[perm[1400:]], y[perm[1400:]]), batch_size=100)

    model = MLP()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=8, gamma=0.5)
    train(model, train_loader, optimizer, scheduler, 8, "dense")
    print(f"dense accuracy {accuracy(model, test_loader):.4f}")

    model = prune(model, keep=0.12)
    print(f"accuracy after pruning {accuracy(model, test_loader):.4f}, parameters {sum(p.numel() for p in model.parameters())}")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=8, gamma=0.5)
    train(model, train_loader, optimizer, scheduler, 10, "finetune")
    print(f"accuracy after fine-tuning {accuracy(model, test_loader):.4f}")
