import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Distiller:
    """Knowledge distillation: soft targets from a frozen teacher plus the hard labels."""

    def __init__(self, teacher, student, temperature=3.0, alpha=0.7, lr=0.1):
        self.teacher, self.student = teacher, student
        self.t, self.alpha = temperature, alpha
        self.teacher.eval()
        self.teacher.requires_grad_(False)
        self.optimizer = torch.optim.SGD(self.student.parameters(), lr=lr, momentum=0.9)

    def loss(self, x, y):
        with torch.no_grad():
            soft = F.softmax(self.teacher(x) / self.t, dim=1)
        logits = self.student(x)
        kd = F.kl_div(F.log_softmax(logits / self.t, dim=1), soft, reduction="batchmean") * self.t ** 2
        return self.alpha * kd + (1 - self.alpha) * F.cross_entropy(logits, y)

    def epoch(self, loader):
        self.student.train()
        total = 0.0
        for x, y in loader:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(x, y)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(loader)


def train_teacher(net, loader, epochs=8):
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        net.train()
        for x, y in loader:
            opt.zero_grad(set_to_none=True)
            F.cross_entropy(net(x), y).backward()
            opt.step()


@torch.inference_mode()
def accuracy(net, loader):
    net.eval()
    return sum((net(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    torch.manual_seed(3)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(d.target)
    xa, xb, ya, yb = train_test_split(x, y, test_size=0.25, random_state=3, stratify=y)
    train, test = DataLoader(TensorDataset(xa, ya), 64, shuffle=True), DataLoader(TensorDataset(xb, yb), 512)
    teacher = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3),
                            nn.Linear(512, 96), nn.ReLU(), nn.Linear(96, 10))
    train_teacher(teacher, train)
    print(f"teacher accuracy {accuracy(teacher, test):.3f}")
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    distiller = Distiller(teacher, student)
    for epoch in range(12):
        loss = distiller.epoch(train)
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} distillation loss {loss:.4f} student accuracy {accuracy(student, test):.3f}")


if __name__ == "__main__":
    main()
