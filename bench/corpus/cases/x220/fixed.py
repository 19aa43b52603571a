import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten())
        self.heads = nn.ModuleDict({"digit": nn.Linear(512, 10), "parity": nn.Linear(512, 2)})

    def forward(self, x, task):
        return self.heads[task](self.trunk(x))


def load():
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16.0
    y = torch.tensor(y)
    order = torch.randperm(len(y))
    return x[order], y[order]


def fit(model, task, x, y, epochs, frozen_trunk=False):
    model.trunk.requires_grad_(not frozen_trunk)
    chosen = model.heads[task].parameters() if frozen_trunk else model.parameters()
    optimizer = torch.optim.Adam(chosen, lr=2e-3)
    loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True, drop_last=True)
    for epoch in range(epochs):
        model.train()
        if frozen_trunk:
            model.trunk.eval()
        total = 0.0
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(model(xb, task), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
    print(f"  {task}: loss of the last epoch {total / len(loader):.4f}")


@torch.no_grad()
def accuracy(model, task, x, y):
    model.eval()
    return (model(x, task).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(29)
    x, y = load()
    paper, screen = x, 1.0 + 1.5 * (1.0 - x)
    model = TwoTasks()

    print("stage 1: digits on paper")
    fit(model, "digit", paper[:900], y[:900], epochs=10)
    print(f"  digit accuracy {accuracy(model, 'digit', paper[1400:], y[1400:]):.3f}")

    print("stage 2: odd or even on the screen, trunk shared")
    fit(model, "parity", screen[900:1400], y[900:1400] % 2, epochs=30, frozen_trunk=True)
    print(f"  parity accuracy {accuracy(model, 'parity', screen[1400:], y[1400:] % 2):.3f}")
    print(f"  digit accuracy, same images as before {accuracy(model, 'digit', paper[1400:], y[1400:]):.3f}")


if __name__ == "__main__":
    main()
