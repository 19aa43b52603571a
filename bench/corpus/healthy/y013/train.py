import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def mixup(x, y, alpha, rng):
    lam = float(rng.beta(alpha, alpha))
    partner = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[partner], y, y[partner], lam


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(nn.Conv2d(24, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Sequential(nn.Dropout(0.2), nn.Linear(48 * 4, 10))

    def forward(self, x):
        return self.fc(self.block2(self.block1(x)).flatten(1))


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
    return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


def main(epochs=12, alpha=0.4, smoothing=0.1):
    torch.manual_seed(15)
    rng = np.random.default_rng(15)
    d = load_digits()
    order = torch.randperm(len(d.target))
    x, y = (torch.tensor(d.images, dtype=torch.float32)[:, None] / 16)[order], torch.tensor(d.target)[order]
    train = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=56, shuffle=True)
    model = nn.DataParallel(Net())
    criterion = nn.CrossEntropyLoss(label_smoothing=smoothing)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(train))
    for epoch in range(epochs):
        model.train()
        total = right = seen = 0.0
        for xb, yb in train:
            xm, ya, yp, lam = mixup(xb, yb, alpha, rng)
            out = model(xm)
            loss = lam * criterion(out, ya) + (1 - lam) * criterion(out, yp)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
            right += (lam * (out.argmax(1) == ya).float() + (1 - lam) * (out.argmax(1) == yp).float()).sum().item()
            seen += len(xb)
        ce, acc = test(model, x[1400:], y[1400:])
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} mixed loss {total / len(train):.3f} mixed accuracy {right / seen:.3f} test ce {ce:.3f} accuracy {acc:.3f}")


main()
