import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

ZOO = {}


def register(fn):
    ZOO[fn.__name__] = fn
    return fn


@register
def small(classes):
    return nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 24, 3), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(24 * 16, 48), nn.ReLU(), nn.Linear(48, classes))


@register
def tiny(classes):
    return nn.Sequential(nn.Conv2d(1, 8, 4, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(200, classes))


def sheet():
    """All tiles on one long sheet of bytes, 12 pixels high, as a scanner would give it."""
    d = load_digits()
    tiles = np.pad((d.images / 16 * 255).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    return np.concatenate(list(tiles), axis=1), d.target


def read_tile(pixels, k):
    tile = np.ascontiguousarray(pixels[:, 12 * k:12 * k + 12])
    return torch.from_numpy(tile).float()[None] / 127.5 - 1


class Tiles(Dataset):
    def __init__(self, pixels, target):
        self.pixels, self.target = pixels, target

    def __len__(self):
        return len(self.target)

    def __getitem__(self, k):
        return read_tile(self.pixels, k), int(self.target[k])


def train(name="small", epochs=6, lr=0.05):
    torch.manual_seed(14)
    data = Tiles(*sheet())
    order = torch.randperm(len(data)).tolist()
    loaders = (DataLoader(Subset(data, order[:1400]), 28, shuffle=True), DataLoader(Subset(data, order[1400:]), 100))
    net = ZOO[name](10)
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    sched = torch.optim.lr_scheduler.StepLR(opt, 3, 0.3)
    for epoch in range(epochs):
        net.train()
        first = last = None
        for x, y in loaders[0]:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            last = loss.item()
            first = last if first is None else first
        sched.step()
        net.eval()
        with torch.no_grad():
            good = sum(int((net(x).argmax(1) == y).sum()) for x, y in loaders[1])
        print(f"epoch {epoch}: first batch {first:.3f}, last batch {last:.3f}, accuracy {good / len(order[1400:]):.3f}")


if __name__ == "__main__":
    train()
