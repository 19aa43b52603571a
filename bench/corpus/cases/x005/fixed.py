"""Digits served from per-class shards, read as a stream."""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Shard:
    """One archive of images, as written by the export job."""

    def __init__(self, name, images, label):
        self.name, self.images, self.label = name, images, label

    def records(self):
        for img in self.images:
            yield img, self.label


class ShardStream(IterableDataset):
    def __init__(self, shards, training, seed=0):
        self.shards, self.training, self.seed = shards, training, seed
        self.epoch = 0

    def __iter__(self):
        if not self.training:
            for shard in self.shards:
                yield from shard.records()
            return
        g = torch.Generator().manual_seed(self.seed + self.epoch)
        self.epoch += 1
        shards = [self.shards[i] for i in torch.randperm(len(self.shards), generator=g).tolist()]
        records = [r for shard in shards for r in shard.records()]
        order = torch.randperm(len(records), generator=g).tolist()
        for i in order:
            yield records[i]


def build_streams():
    d = load_digits()
    g = torch.Generator().manual_seed(7)
    images = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
    labels = torch.tensor(d.target)
    train, test = [], []
    for c in range(10):
        mine = images[labels == c]
        mine = mine[torch.randperm(len(mine), generator=g)]
        cut = int(0.75 * len(mine))
        train.append(Shard(f"train-{c:03d}", mine[:cut], c))
        test.append(Shard(f"test-{c:03d}", mine[cut:], c))
    return ShardStream(train, training=True), ShardStream(test, training=False)


class Convnet(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, stride=2), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, 10))


def score(model, loader):
    model.eval()
    right = count = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
            count += len(y)
    return right / count


def main():
    torch.manual_seed(7)
    train_stream, test_stream = build_streams()
    train_loader = DataLoader(train_stream, batch_size=32)
    test_loader = DataLoader(test_stream, batch_size=128)
    model = Convnet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(10):
        model.train()
        total, steps = 0.0, 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
        print(f"epoch {epoch + 1:2d} loss {total / steps:.4f} test accuracy {score(model, test_loader):.4f}")


main()
