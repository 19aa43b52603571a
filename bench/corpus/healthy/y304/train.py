"""Learn odd against even digits, then tell 7, 8, 9 apart with the trunk frozen and tiny batches."""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Trunk(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(),
        )


class Transfer(nn.Module):
    def __init__(self, trunk, classes):
        super().__init__()
        self.trunk = trunk.requires_grad_(False)
        self.head = nn.Linear(24 * 16, classes)

    def train(self, mode=True):
        super().train(mode)
        self.trunk.eval()  # its statistics belong to the first task
        return self

    def forward(self, x):
        return self.head(self.trunk(x))


def pretrain(x, y, epochs=6):
    trunk, head = Trunk(), nn.Linear(24 * 16, 2)
    both = nn.Sequential(trunk, head)
    opt = torch.optim.Adam(both.parameters(), lr=2e-3)
    for epoch in range(epochs):
        both.train()
        for xb, yb in DataLoader(TensorDataset(x, y % 2), batch_size=50, shuffle=True):
            loss = nn.functional.cross_entropy(both(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
    print(f"first task: last loss {loss.item():.4f}")
    return trunk


def main():
    torch.manual_seed(12)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(d.target)
    trunk = pretrain(x[y < 7], y[y < 7])
    rare = torch.where(y >= 7)[0]
    rare = rare[torch.randperm(len(rare))]
    a, b = rare[:120], rare[120:]
    model = Transfer(trunk, 3)
    opt = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    for epoch in range(1, 9):
        model.train()
        for idx in a[torch.randperm(len(a))].split(4):
            loss = nn.functional.cross_entropy(model(x[idx]), y[idx] - 7)
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            acc = (model(x[b]).argmax(1) == y[b] - 7).float().mean().item()
        print(f"epoch {epoch} accuracy on 7, 8, 9: {acc:.3f}")


main()
