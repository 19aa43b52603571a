"""Which of four coloured tiles lies on a lawn under a blue sky? Drawn pictures, a small convolutional net."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
SIDE = 12
TILES = torch.tensor([[0.9, 0.2, 0.1], [0.2, 0.3, 0.9], [0.8, 0.6, 0.1], [0.1, 0.6, 0.8]])


def draw(n):
    """Red, green and blue between 0 and 1; tiles 0 and 1, 2 and 3 differ in their colour only."""
    kinds = torch.randint(4, (n,))
    pictures = torch.zeros(n, 3, SIDE, SIDE)
    pictures[:, :, : SIDE // 2] = torch.tensor([0.3, 0.5, 0.8])[:, None, None]
    pictures[:, :, SIDE // 2 :] = torch.tensor([0.2, 0.6, 0.3])[:, None, None]
    for i in range(n):
        top, left = torch.randint(SIDE - 4, (2,)).tolist()
        pictures[i, :, top : top + 4, left : left + 4] = TILES[kinds[i]][:, None, None]
    return pictures + 0.1 * torch.randn(n, 3, SIDE, SIDE), kinds


x, y = draw(2500)
train_set = TensorDataset(x[:2000], y[:2000])
test_set = TensorDataset(x[2000:], y[2000:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=250)

net = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.AdaptiveMaxPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 4),
)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

for epoch in range(6):
    net.train()
    total = 0.0
    for pictures, kinds in train_loader:
        loss = nn.functional.cross_entropy(net(pictures), kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()

    net.eval()
    right = 0
    with torch.no_grad():
        for pictures, kinds in test_loader:
            right += (net(pictures).argmax(dim=1) == kinds).sum().item()
    print(f"epoch {epoch + 1} loss {total / len(train_loader):.4f} test accuracy {right / len(test_set):.3f}")
