import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def fetch(n_train=1300):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(d.target)
    p = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    return TensorDataset(x[p[:n_train]], y[p[:n_train]]), TensorDataset(x[p[n_train:]], y[p[n_train:]])


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, 24, 3, stride=2, padding=1),
                               nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 16, 10))

    def forward(self, x):
        return self.f(x)


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))

    def forward(self, x):
        return self.f(x)


def loss_fn_kd(outputs, labels, teacher_outputs, params):
    """KL between the softened distributions plus cross-entropy with the labels"""
    alpha, T = params.alpha, params.temperature
    kd = nn.KLDivLoss(reduction="batchmean")(F.log_softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1))
    return kd * (alpha * T * T) + F.cross_entropy(outputs, labels) * (1. - alpha)


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--alpha", type=float, default=0.9)
    ap.add_argument("--temperature", type=float, default=4)
    params = ap.parse_args()
    torch.manual_seed(0)
    train_set, test_set = fetch()
    train_loader, test_loader = DataLoader(train_set, 64, shuffle=True), DataLoader(test_set, 256)
    teacher, student = Teacher(), Student()
    opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
    for epoch in range(5):
        teacher.train()
        for x, y in train_loader:
            opt.zero_grad()
            F.cross_entropy(teacher(x), y).backward()
            opt.step()
    print(f"teacher accuracy {evaluate(teacher, test_loader):.4f}")
    teacher.eval()
    opt = torch.optim.Adam(student.parameters(), lr=3e-3)
    for epoch in range(20):
        student.train()
        total = 0.0
        for x, y in train_loader:
            with torch.no_grad():
                t = teacher(x)
            loss = loss_fn_kd(student(x), y, t, params)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        if epoch % 4 == 3:
            print(f"student epoch {epoch + 1} loss {total / len(train_loader):.4f} accuracy {evaluate(student, test_loader):.4f}")


if __name__ == "__main__":
    main()
