from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Options:
    images: int = 2000
    epochs: int = 12
    batch: int = 40
    lr: float = 0.05
    decay_every: int = 5
    decay: float = 0.3
    seed: int = 12


def glyphs(n, seed, classes=8, side=12):
    """Random dotted strokes, one pattern per class, moved about and covered with noise."""
    pattern = torch.Generator().manual_seed(99)
    base = (torch.rand(classes, 7, 7, generator=pattern) < 0.4).float()
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (n,), generator=g)
    x = 0.6 * torch.randn(n, 1, side, side, generator=g)
    shift = torch.randint(0, side - 6, (n, 2), generator=g)
    for i in range(n):
        r, c = shift[i].tolist()
        x[i, 0, r:r + 7, c:c + 7] += base[y[i]]
    return TensorDataset(x, y)


def network(classes=8):
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, classes))


def main(o=Options()):
    set_seed(o.seed)
    accelerator = Accelerator(cpu=True)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=o.lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=o.decay_every, gamma=o.decay)
    train = DataLoader(glyphs(o.images, 1), batch_size=o.batch, shuffle=True)
    test = DataLoader(glyphs(400, 2), batch_size=200)
    model, optimizer, train, test = accelerator.prepare(model, optimizer, train, test)
    loss_fn = nn.CrossEntropyLoss()

    for epoch in range(1, o.epochs + 1):
        model.train()
        total = torch.zeros(())
        for x, y in train:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            accelerator.backward(loss)
            optimizer.step()
            total += loss.detach() * len(y)
        scheduler.step()
        model.eval()
        right = 0
        for x, y in test:
            with torch.no_grad():
                guess = model(x).argmax(-1)
            guess, y = accelerator.gather_for_metrics((guess, y))
            right += (guess == y).sum().item()
        accelerator.print(f"epoch {epoch:2d} loss {total.item() / o.images:.4f} test accuracy {right / 400:.3f}")


if __name__ == "__main__":
    main()
