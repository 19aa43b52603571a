import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from model import InstrumentTagger

TAGS = ["flute", "violin", "cello", "horn", "piano", "drum"]
BINS = 64


def synth(n, seed):
    g = torch.Generator().manual_seed(seed)
    bins = torch.arange(BINS).float()
    tags = (torch.rand(n, len(TAGS), generator=g) < 0.25).float()
    spectra = 0.25 * torch.randn(n, BINS, generator=g)
    for t in range(len(TAGS)):
        base = 4.0 + 2.3 * t + torch.rand(n, 1, generator=g)
        gain = tags[:, t:t + 1] * (0.6 + 0.6 * torch.rand(n, 1, generator=g))
        for k in (1, 2, 3):
            spectra += gain / k * torch.exp(-0.5 * ((bins - k * base) / 0.7) ** 2)
    return spectra.unsqueeze(1), tags


class Meter:
    def __init__(self):
        self.tp = self.fp = self.fn = 0

    def update(self, pred, want):
        self.tp += (pred * want).sum().item()
        self.fp += (pred * (1 - want)).sum().item()
        self.fn += ((1 - pred) * want).sum().item()

    @property
    def f1(self):
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)


def train_one_epoch(model, loader, criterion, optimizer):
    model.train()
    total = 0.0
    for spectrum, tags in loader:
        optimizer.zero_grad()
        loss = criterion(model(spectrum), tags)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(tags)
    return total / len(loader.dataset)


@torch.no_grad()
def validate(model, loader, threshold=0.5):
    model.eval()
    meter = Meter()
    for spectrum, tags in loader:
        meter.update((model(spectrum) > threshold).float(), tags)
    return meter.f1


def main():
    torch.manual_seed(2)
    train_loader = DataLoader(TensorDataset(*synth(2000, 10)), batch_size=50, shuffle=True)
    val_loader = DataLoader(TensorDataset(*synth(500, 11)), batch_size=250)
    model = InstrumentTagger(len(TAGS))
    criterion = nn.BCELoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-4)
    for epoch in range(8):
        loss = train_one_epoch(model, train_loader, criterion, optimizer)
        print(f"epoch {epoch}: loss {loss:.4f} micro F1 {validate(model, val_loader):.3f}")


if __name__ == "__main__":
    main()
