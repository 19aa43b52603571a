"""Fault type from vibration recordings: learnable filters, spectrum, classifier."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

RATE, FAULTS = 64, 4


def record(n, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(RATE) / RATE
    kind = rng.integers(FAULTS, size=n)
    carrier = 9 + 3 * kind[:, None]
    signal = np.sin(2 * np.pi * carrier * t + rng.uniform(0, 6.28, (n, 1))) * 0.8
    hum = 4.0 * np.sin(2 * np.pi * rng.uniform(6, 22, (n, 1)) * t + rng.uniform(0, 6.28, (n, 1)))
    channels = np.stack([signal + hum, 0.5 * signal - hum + 0.2 * rng.normal(size=(n, RATE)), hum + 0.2 * rng.normal(size=(n, RATE))], 1)
    channels += 0.15 * rng.normal(size=channels.shape)
    return torch.tensor(channels / 3.0, dtype=torch.float32), torch.from_numpy(kind)


class SpectralNet(nn.Module):
    def __init__(self, mixes=2):
        super().__init__()
        self.mix = nn.Conv1d(3, mixes, kernel_size=1)
        self.window = nn.Parameter(torch.hann_window(RATE))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(mixes * (RATE // 2 + 1), 32), nn.ReLU(), nn.Linear(32, FAULTS))

    def spectrum(self, h):
        amplitude = torch.fft.rfft(h, dim=-1).abs()
        return torch.log1p(amplitude)

    def forward(self, x):
        mixed = self.mix(x) * self.window
        return self.classifier(self.spectrum(mixed))


def main():
    torch.manual_seed(6)
    train_x, train_y = record(600, 1)
    test_x, test_y = record(1000, 2)
    loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)
    net = SpectralNet()
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-3)
    loss_fn = nn.CrossEntropyLoss()

    def train_epoch():
        net.train()
        losses = []
        for x, y in loader:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        return np.mean(losses)

    def test():
        net.eval()
        with torch.no_grad():
            return (net(test_x).argmax(1) == test_y).float().mean().item()

    for epoch in range(25):
        loss = train_epoch()
        if epoch % 5 == 4:
            print("epoch %2d loss %.4f test accuracy %.3f mixing weights %s" % (
                epoch + 1, loss, test(), [round(w, 2) for w in net.mix.weight.flatten().tolist()]))


main()
