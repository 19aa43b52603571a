import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

TOOLS = ["saw", "drill", "sand", "mill"]


def record(n, seed, time=90, channels=9):
    """Windows of a nine-axis sensor on a hand tool, shape (n, time, channels)."""
    rs = np.random.RandomState(seed)
    label = rs.randint(len(TOOLS), size=n)
    t = np.arange(time) / 60.0
    base = np.array([2.0, 4.0, 8.0, 10.0])[label] * rs.uniform(0.97, 1.03, n)
    phase = rs.uniform(0, 2 * np.pi, (n, 1, channels))
    gain = rs.uniform(0.5, 1.5, (n, 1, channels))
    arg = 2 * np.pi * base[:, None, None] * t[None, :, None] + phase
    x = gain * np.sin(arg) + rs.normal(0, 0.9, (n, time, channels)) + rs.normal(0, 0.7, (n, 1, channels))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(label)


class ToolNet(nn.Module):
    def __init__(self, channels=9, width=32, classes=len(TOOLS)):
        super().__init__()
        self.stem = nn.Conv1d(channels, width, 9, stride=2, padding=4)
        self.mid = nn.Conv1d(width, width, 7, padding=3)
        self.norms = nn.ModuleList([nn.BatchNorm1d(width), nn.BatchNorm1d(width)])
        self.query = nn.Linear(width, 1)
        self.out = nn.Linear(width, classes)

    def forward(self, windows):
        n, time, channels = windows.shape
        h = windows.view(n, channels, time)
        h = F.relu(self.norms[0](self.stem(h)))
        h = F.relu(self.norms[1](self.mid(h)))
        a = self.query(h.mT).softmax(1)
        return self.out((a * h.mT).sum(1))


def batches(x, y, size, shuffle):
    order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
    return [(x[i], y[i]) for i in order.split(size)]


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return np.mean([(net(a).argmax(1) == b).float().mean().item() for a, b in batches(x, y, 100, False)])


def main():
    torch.manual_seed(13)
    train, test = record(900, 0), record(600, 1)
    net = ToolNet()
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    for epoch in range(12):
        net.train()
        seen = []
        for a, b in batches(*train, 50, True):
            loss = F.cross_entropy(net(a), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen.append(loss.item())
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1:2d} loss {np.mean(seen):.3f} train {accuracy(net, *train):.3f} test {accuracy(net, *test):.3f}")


if __name__ == "__main__":
    main()
