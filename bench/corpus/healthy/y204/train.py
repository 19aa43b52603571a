import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class Trunk(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten())


class Classifier(nn.Module):
    def __init__(self, trunk, classes, frozen):
        super().__init__()
        self.trunk, self.frozen = trunk, frozen
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(512, classes))
        if frozen:
            self.trunk.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        if self.frozen:
            self.trunk.eval()
        return self

    def forward(self, x):
        return self.head(self.trunk(x))


def subset(digits, part):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x).float().view(-1, 1, 8, 8) / 8.0 - 1.0, torch.tensor(y)
    keep = (y >= digits[0]) & (y < digits[1])
    x, y = x[keep], y[keep] - digits[0]
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(5))
    order = order[200:] if part == "train" else order[:200]
    return TensorDataset(x[order], y[order])


def run(model, train, test, epochs, title):
    opt = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for x, y in train:
            opt.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 5 == 0:
            model.eval()
            with torch.no_grad():
                right = sum((model(x).argmax(1) == y).sum().item() for x, y in test)
            print(f"{title} epoch {epoch:2d} loss {sum(losses) / len(losses):.4f} test accuracy {right / len(test.dataset):.3f}")


if __name__ == "__main__":
    torch.manual_seed(5)
    trunk = Trunk()
    low = [DataLoader(subset((0, 5), "train"), 32, shuffle=True), DataLoader(subset((0, 5), "test"), 100)]
    high = [DataLoader(subset((5, 10), "train"), 32, shuffle=True), DataLoader(subset((5, 10), "test"), 100)]
    run(Classifier(trunk, 5, frozen=False), *low, 10, "digits 0-4")
    run(Classifier(trunk, 5, frozen=True), *high, 15, "digits 5-9")
