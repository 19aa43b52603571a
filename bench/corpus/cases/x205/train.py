import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

KINDS = 5
LENGTH = 96


def simulate(n, seed):
    g = torch.Generator().manual_seed(seed)
    kind = torch.randint(0, KINDS, (n,), generator=g)
    t = torch.linspace(0, 1, LENGTH)
    centre = 0.35 + 0.06 * torch.randn(n, 1, generator=g)
    width = 0.02 + 0.012 * kind[:, None].float()
    wave = torch.exp(-0.5 * ((t - centre) / width) ** 2)
    after = 0.4 * (kind[:, None].float() - 2) * torch.exp(-0.5 * ((t - centre - 0.3) / 0.05) ** 2)
    return (wave + after + 0.08 * torch.randn(n, LENGTH, generator=g)).unsqueeze(1), kind


class Distort:
    """Baseline wander, gain, lead noise and a lost stretch."""

    def __call__(self, s):
        t = torch.linspace(0, 1, s.shape[-1])
        s = s * (0.5 + torch.rand(1)) + 0.25 * torch.sin(2 * math.pi * (t * (1 + 2 * torch.rand(1)) + torch.rand(1)))
        s = s + 0.15 * torch.randn_like(s)
        a = int(torch.randint(0, LENGTH - 24, (1,)))
        s[..., a:a + 24] = 0.0
        return s


class Beats(Dataset):
    def __init__(self, signal, kind, transform=None):
        self.signal, self.kind, self.transform = signal, kind, transform

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        s = self.signal[i]
        if self.transform is not None:
            s = self.transform(s)
        return s, self.kind[i]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(32, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32 * (LENGTH // 4), KINDS)

    def forward(self, s):
        return self.head(self.conv(s).flatten(1))


def epochs(net, opt, train, valid, count):
    loss_fn = nn.CrossEntropyLoss()
    for e in range(1, count + 1):
        net.train()
        total = 0.0
        for s, k in train:
            opt.zero_grad(set_to_none=True)
            loss = loss_fn(net(s), k)
            loss.backward()
            opt.step()
            total += loss.item() / len(train)
        net.eval()
        with torch.inference_mode():
            right = sum(int((net(s).argmax(1) == k).sum()) for s, k in valid)
        yield e, total, right / len(valid.dataset)


torch.manual_seed(5)
signal, kind = simulate(1600, 5)
order = torch.randperm(len(kind)).tolist()
beats = Beats(signal, kind, transform=Distort())
train = Subset(beats, order[:1200])
valid = Subset(beats, order[1200:])
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for e, loss, acc in epochs(net, opt, DataLoader(train, 48, shuffle=True), DataLoader(valid, 200), 14):
    print(f"epoch {e:2d} train loss {loss:.3f} valid accuracy {acc:.3f}")
