"""Handwritten digits, fully connected tanh network with a hand-made initialisation."""
import math

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Dense(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.reset()

    def reset(self):
        fan_in = self.weight.shape[1]
        with torch.no_grad():
            self.weight.normal_(0.0, 1 / math.sqrt(fan_in))

    def forward(self, x):
        return x @ self.weight.t() + self.bias


class TanhNet(nn.Module):
    def __init__(self, sizes=(64, 100, 100, 100), classes=10):
        super().__init__()
        self.hidden = nn.ModuleList(Dense(a, b) for a, b in zip(sizes, sizes[1:]))
        self.readout = nn.Linear(sizes[-1], classes)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.readout(x)


if __name__ == "__main__":
    torch.manual_seed(9)
    X, y = load_digits(return_X_y=True)
    X = (X - 8) / 6
    xa, xb, ya, yb = train_test_split(torch.tensor(X, dtype=torch.float32), torch.tensor(y), test_size=400, random_state=0)
    loader = DataLoader(TensorDataset(xa, ya), batch_size=64, shuffle=True)
    net = TanhNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
    for epoch in range(12):
        net.train()
        mean = 0.0
        for x, t in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), t)
            loss.backward()
            optimizer.step()
            mean += loss.item() / len(loader)
        net.eval()
        with torch.no_grad():
            accuracy = (net(xb).argmax(1) == yb).float().mean().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} loss {mean:.3f} test accuracy {accuracy:.3f}")
