import itertools

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Average:
    """Exponential moving average of a model's parameters, used when scoring."""

    def __init__(self, model, decay):
        self.decay = decay
        self.values = [p.detach().clone() for p in model.parameters()]

    @torch.no_grad()
    def update(self, model):
        for a, p in zip(self.values, model.parameters()):
            a.mul_(self.decay).add_(p, alpha=1 - self.decay)

    @torch.no_grad()
    def copy_to(self, model):
        for a, p in zip(self.values, model.parameters()):
            p.copy_(a)


def tensors():
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(3))
    x = torch.tensor(x, dtype=torch.float32)[order] / 16.0
    y = torch.tensor(y)[order]
    return (x[:1300] - 0.3, y[:1300]), (x[1300:] - 0.3, y[1300:])


def score(model, average, x, y):
    live = [p.detach().clone() for p in model.parameters()]
    average.copy_to(model)
    model.eval()
    with torch.no_grad():
        out = model(x)
        for p, kept in zip(model.parameters(), live):
            p.copy_(kept)
    return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


def endless(loader):
    while True:
        yield from loader


def main(steps=2000, every=20):
    torch.manual_seed(3)
    train, test = tensors()
    loader = DataLoader(TensorDataset(*train), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    average = Average(model, decay=0.999)
    for step, (x, y) in enumerate(itertools.islice(endless(loader), steps), start=1):
        model.train()
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update(model)
        if step % every == 0:
            test_loss, acc = score(model, average, *test)
            if step % 400 == 0:
                print(f"step {step:4d} batch loss {loss.item():.3f} test loss {test_loss:.3f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
