"""Few digits, many copies: enlarge a small collection and train a small convolutional net."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


def enlarge(x, y, copies, g):
    """Each picture `copies` times, each time with other sensor noise and brightness."""
    x, y = x.repeat(copies, 1, 1, 1), y.repeat(copies)
    gain = 0.9 + 0.2 * torch.rand(len(x), 1, 1, 1, generator=g)
    return x * gain + 0.02 * torch.randn(x.shape, generator=g), y


def collection(seed=0):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(d.target)
    p = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return x[p], y[p]


def splits(x, y, g, copies=10, share=0.25):
    x, y = enlarge(x, y, copies, g)
    whole = TensorDataset(x, y)
    n_val = int(share * len(whole))
    return random_split(whole, [len(whole) - n_val, n_val], generator=g)


class SmallConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, padding=1)
        self.fc1 = nn.Linear(12 * 16, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


@torch.no_grad()
def accuracy(net, loader):
    net.eval()
    return sum((net(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    g = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    x, y = collection()
    train_set, val_set = splits(x[:120], y[:120], g)
    train = DataLoader(train_set, batch_size=32, shuffle=True)
    val = DataLoader(val_set, batch_size=128)
    later = DataLoader(TensorDataset(x[120:], y[120:]), batch_size=256)
    net = SmallConv()
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for epoch in range(10):
        net.train()
        for xb, yb in train:
            opt.zero_grad()
            nn.functional.cross_entropy(net(xb), yb).backward()
            opt.step()
        print(f"epoch {epoch + 1:2d} validation accuracy {accuracy(net, val):.3f}")
    print(f"digits collected later: accuracy {accuracy(net, later):.3f}")


if __name__ == "__main__":
    main()
