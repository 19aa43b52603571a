from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

VOID = 255


@dataclass(frozen=True)
class Settings:
    size: int = 24
    train: int = 240
    batch: int = 8
    epochs: int = 5
    lr: float = 4e-3


class Cells(Dataset):
    """Bright discs (1) and rings (2) on a noisy ground (0); the rim of an object is void."""

    def __init__(self, n, size, seed):
        self.n, self.size, self.seed = n, size, seed
        self.items = [self.draw(np.random.default_rng((seed, i))) for i in range(n)]

    def draw(self, rng):
        yy, xx = np.mgrid[:self.size, :self.size]
        image = rng.normal(0, 0.15, (self.size, self.size))
        label = np.zeros((self.size, self.size), dtype=np.int64)
        for kind in (1, 2):
            cy, cx, r = rng.uniform(5, self.size - 5, 2).tolist() + [rng.uniform(2.5, 4.5)]
            d = np.hypot(yy - cy, xx - cx)
            inside = d < r if kind == 1 else (d < r) & (d > r - 1.6)
            image[inside] += 1.0
            label[inside] = kind
            label[np.abs(d - r) < 0.35] = VOID
        return image.astype("float32")[None], label

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.items[i]


def double(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                         nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, classes, base=8):
        super().__init__()
        self.d1, self.d2, self.mid = double(1, base), double(base, 2 * base), double(2 * base, 4 * base)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.u2, self.u1 = double(6 * base, 2 * base), double(3 * base, base)
        self.out = nn.Conv2d(base, classes, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(self.pool(a))
        c = self.mid(self.pool(b))
        b = self.u2(torch.cat([self.up(c), b], 1))
        return self.out(self.u1(torch.cat([self.up(b), a], 1)))


@torch.no_grad()
def iou(net, loader):
    net.eval()
    inter, union = torch.zeros(3), torch.zeros(3)
    for x, y in loader:
        p, keep = net(x).argmax(1), y != VOID
        for k in range(3):
            inter[k] += ((p == k) & (y == k) & keep).sum()
            union[k] += (((p == k) | (y == k)) & keep).sum()
    net.train()
    return (inter / union).tolist()


def main(s=Settings()):
    torch.manual_seed(3)
    data = Cells(s.train, s.size, 0)
    count = np.bincount(np.concatenate([l.ravel() for _, l in data.items]), minlength=256)[:3]
    weight = torch.tensor((count.sum() / count) ** 0.5, dtype=torch.float32)
    train = DataLoader(data, batch_size=s.batch, shuffle=True)
    test = DataLoader(Cells(60, s.size, 1), batch_size=20)
    net = UNet(3)
    opt = torch.optim.AdamW(net.parameters(), lr=s.lr)
    loss_fn = nn.CrossEntropyLoss(weight=weight, ignore_index=VOID)
    for epoch in range(s.epochs):
        tot = 0.0
        for x, y in train:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            tot += loss.item()
        print(f"epoch {epoch} loss {tot / len(train):.4f} IoU", " ".join(f"{v:.3f}" for v in iou(net, test)))


main()
