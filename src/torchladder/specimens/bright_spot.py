"""A small convolutional network tells where the bright spot of a colour picture lies."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SIZE = 16


def make_pictures(n, rng):
    """Pictures as cameras give them, [height, width, colour]: a soft spot of one colour on a slope of another."""
    grid = np.linspace(0, 1, SIZE, dtype=np.float32)
    across, down = np.meshgrid(grid, grid)
    centre = rng.uniform(0.15, 0.85, (n, 2, 1, 1)).astype(np.float32)
    distance = (across - centre[:, 0]) ** 2 + (down - centre[:, 1]) ** 2
    spot = np.exp(-distance / 0.02)
    slope = rng.uniform(-0.3, 0.3, (n, 1, 1)).astype(np.float32) * across + 0.3
    colours = rng.uniform(0.2, 1.0, (2, n, 1, 1, 3)).astype(np.float32)
    pictures = spot[..., None] * colours[0] + slope[..., None] * colours[1]
    labels = 2 * (centre[:, 1, 0, 0] > 0.5) + (centre[:, 0, 0, 0] > 0.5)
    return torch.from_numpy(pictures), torch.from_numpy(labels)


def load(n, rng):
    pictures, labels = make_pictures(n, rng)
    pictures = pictures.permute(0, 3, 1, 2).contiguous() - 0.3
    return TensorDataset(pictures, labels)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(32 * 4 * 4, 4)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))


def accuracy(net, loader):
    net.eval()
    with torch.no_grad():
        return sum((net(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    train_loader = DataLoader(load(1500, rng), batch_size=32, shuffle=True)
    test_loader = DataLoader(load(400, rng), batch_size=200)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(5):
        net.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(train_loader):.4f} test accuracy {accuracy(net, test_loader):.3f}")


if __name__ == "__main__":
    main()
