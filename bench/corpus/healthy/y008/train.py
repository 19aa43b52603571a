import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
                                  nn.Conv2d(32, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.fc = nn.Linear(32 * 4, classes)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).flatten(1))


def freeze_batchnorm(net):
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.eval()
            m.weight.requires_grad_(False)
            m.bias.requires_grad_(False)


def accuracy(net, loader):
    was_training = net.training
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in loader)
    net.train(was_training)
    return right / len(loader.dataset)


def train(net, loader, valid, epochs, groups, keep_statistics):
    opt = torch.optim.SGD(groups, momentum=0.9)
    for epoch in range(epochs):
        net.train()
        if keep_statistics:
            freeze_batchnorm(net)
        total = 0.0
        for x, y in loader:
            loss = nn.functional.cross_entropy(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        print(f"  epoch {epoch} loss {total / len(loader):.4f} accuracy {accuracy(net, valid):.3f}")


def split(x, y, batch):
    cut = int(0.75 * len(y))
    return DataLoader(TensorDataset(x[:cut], y[:cut]), batch, shuffle=True), DataLoader(TensorDataset(x[cut:], y[cut:]), 256)


d = load_digits()
order = torch.randperm(len(d.target))
x = (torch.tensor(d.images, dtype=torch.float32)[:, None] / 16)[order]
y = torch.tensor(d.target)[order]
even = y % 2 == 0
print("source task: even digits")
net = Net(5)
train(net, *split(x[even], y[even] // 2, 48), 4, [{"params": net.parameters(), "lr": 0.05}], keep_statistics=False)
print("target task: odd digits, small batches, batch-norm statistics kept")
net.fc = nn.Linear(32 * 4, 5)
for p in net.stem.parameters():
    p.requires_grad_(False)
freeze_batchnorm(net)
groups = [{"params": [p for p in net.body.parameters() if p.requires_grad], "lr": 2e-3}, {"params": net.fc.parameters(), "lr": 1e-2}]
train(net, *split(x[~even], y[~even] // 2, 8), 5, groups, keep_statistics=True)
