"""An MLP learns the digits 0-4; low-rank adapters on its frozen layers, and a new head, learn 5-9."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class LowRank(nn.Module):
    """A linear layer plus a trainable change of rank 4, which starts at zero."""

    def __init__(self, base, rank=4):
        super().__init__()
        self.base = base
        self.lora_a = nn.Parameter(0.1 * torch.randn(rank, base.in_features))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = 2.0

    def forward(self, x):
        return self.base(x) + (x @ self.lora_a.T) @ self.lora_b.T * self.scale


class MLP(nn.Module):
    def __init__(self, n_classes, hidden=96):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, n_classes)

    def forward(self, x):
        return self.head(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def get_loaders(x, y):
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
    return train_loader, DataLoader(TensorDataset(x_test, y_test), batch_size=256)


def accuracy(net, loader):
    net.eval()
    with torch.no_grad():
        return sum((net(xb).argmax(dim=1) == yb).sum().item() for xb, yb in loader) / len(loader.dataset)


def fit(net, parameters, loader, epochs, lr):
    optimizer = torch.optim.Adam(parameters, lr=lr)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"  epoch {epoch} loss {total / len(loader):.4f}")


torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
low = labels < 5

train_loader, test_loader = get_loaders(images[low], labels[low])
net = MLP(5)
fit(net, net.parameters(), train_loader, epochs=6, lr=2e-3)
print(f"digits 0-4: test accuracy {accuracy(net, test_loader):.3f}")

train_loader, test_loader = get_loaders(images[~low], labels[~low] - 5)
net.fc1, net.fc2 = LowRank(net.fc1), LowRank(net.fc2)
net.head = nn.Linear(96, 5)
for name, p in net.named_parameters():
    p.requires_grad = "lora" in name or "head" in name
trainable = [p for p in net.parameters() if p.requires_grad]
fit(net, trainable, train_loader, epochs=10, lr=3e-3)
print(f"digits 5-9: test accuracy {accuracy(net, test_loader):.3f}")
