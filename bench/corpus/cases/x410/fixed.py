import argparse
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class Compose:
    def __init__(self, ts):
        self.ts = ts

    def __call__(self, img):
        for t in self.ts:
            img = t(img)
        return img


class ToTensor:
    def __call__(self, img):
        return torch.from_numpy(img).float().unsqueeze(0)


class RandomShift:
    def __call__(self, img):
        return np.roll(img, random.choice([-1, 0, 0, 1]), axis=1)


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    def __call__(self, x):
        return (x - self.mean) / self.std


class DigitImages(Dataset):
    def __init__(self, images, targets, transform=None):
        self.images, self.targets, self.transform = images, targets, transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.transform(self.images[i]), int(self.targets[i])


class BasicBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(out)))


class ResNet(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.stem = nn.Conv2d(1, c, 3, padding=1)
        self.layers = nn.Sequential(BasicBlock(c), BasicBlock(c))
        self.fc = nn.Linear(c * 4, 10)

    def forward(self, x):
        x = self.layers(torch.relu(self.stem(x)))
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))


def run(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total, correct, n = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for images, targets in loader:
            out = model(images)
            loss = criterion(out, targets)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(targets)
            correct += (out.argmax(1) == targets).sum().item()
            n += len(targets)
    return total / n, correct / n


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=6)
    ap.add_argument("--lr", type=float, default=0.05)
    args = ap.parse_args()
    torch.manual_seed(2), random.seed(2)

    d = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(d.images, d.target, test_size=0.25, random_state=2, stratify=d.target)
    train_transform = Compose([RandomShift(), ToTensor(), Normalize(4.88, 6.02)])
    test_transform = Compose([ToTensor(), Normalize(4.88, 6.02)])
    train_loader = DataLoader(DigitImages(x_train, y_train, train_transform), batch_size=64, shuffle=True, drop_last=True)
    test_loader = DataLoader(DigitImages(x_test, y_test, test_transform), batch_size=150)

    model = ResNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    for epoch in range(args.epochs):
        tr_loss, tr_acc = run(model, train_loader, criterion, optimizer)
        te_loss, te_acc = run(model, test_loader, criterion)
        scheduler.step()
        print(f"Epoch {epoch + 1:02d} | train loss {tr_loss:.4f} acc {tr_acc:.4f} | test loss {te_loss:.4f} acc {te_acc:.4f}")
