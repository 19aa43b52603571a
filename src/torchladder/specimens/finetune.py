"""A small convolutional net learns the digits 0-4; on its frozen features a new head learns 5-9."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ConvNet(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Linear(32 * 4 * 4, n_classes)

    def forward(self, x):
        return self.head(self.features(x))


def get_loaders(x, y):
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
    return train_loader, DataLoader(TensorDataset(x_test, y_test), batch_size=256)


def accuracy(net, loader):
    net.eval()
    with torch.no_grad():
        n_right = sum((net(xb).argmax(dim=1) == yb).sum().item() for xb, yb in loader)
    return n_right / len(loader.dataset)


def fit(net, parameters, loader, epochs, lr):
    optimizer = torch.optim.Adam(parameters, lr=lr)
    for epoch in range(epochs):
        net.train()
        if not any(p.requires_grad for p in net.features.parameters()):
            net.features.eval()  # frozen features keep their batch statistics
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
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
low = labels < 5

train_loader, test_loader = get_loaders(images[low], labels[low])
net = ConvNet(5)
fit(net, net.parameters(), train_loader, epochs=5, lr=1e-3)
print(f"digits 0-4: test accuracy {accuracy(net, test_loader):.3f}")

train_loader, test_loader = get_loaders(images[~low], labels[~low] - 5)
for p in net.features.parameters():
    p.requires_grad = False
net.head = nn.Linear(32 * 4 * 4, 5)
fit(net, net.head.parameters(), train_loader, epochs=8, lr=3e-3)
print(f"digits 5-9: test accuracy {accuracy(net, test_loader):.3f}")
