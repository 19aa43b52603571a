"""Digit classifier trained by a small engine with hooks."""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Hook:
    def after_backward(self, trainer): ...
    def after_epoch(self, trainer): ...


class GradientMonitor(Hook):
    """Mean gradient norm of each layer, printed once an epoch."""

    def __init__(self):
        self.sums, self.steps = {}, 0

    def after_backward(self, trainer):
        for name, p in trainer.model.named_parameters():
            if p.grad is not None and name.endswith("weight"):
                self.sums[name] = self.sums.get(name, 0.0) + p.grad.norm().item()
        self.steps += 1
        trainer.model.zero_grad()

    def after_epoch(self, trainer):
        means = {k: round(v / self.steps, 4) for k, v in self.sums.items()}
        print("   gradient norms", means)
        self.sums, self.steps = {}, 0


class Validation(Hook):
    def __init__(self, loader):
        self.loader = loader

    def after_epoch(self, trainer):
        trainer.model.eval()
        with torch.no_grad():
            right = sum((trainer.model(x).argmax(1) == y).sum().item() for x, y in self.loader)
        print(f"   validation accuracy {right / len(self.loader.dataset):.3f}")


class Trainer:
    def __init__(self, model, optimizer, loss, hooks=()):
        self.model, self.optimizer, self.loss, self.hooks = model, optimizer, loss, list(hooks)

    def call(self, event):
        for hook in self.hooks:
            getattr(hook, event)(self)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.call("after_backward")
        self.optimizer.step()
        return loss.item()

    def fit(self, loader, epochs):
        for epoch in range(1, epochs + 1):
            self.model.train()
            mean = sum(self.step(x, y) for x, y in loader) / len(loader)
            print(f"epoch {epoch} loss {mean:.4f}")
            self.call("after_epoch")


def main():
    torch.manual_seed(23)
    d = load_digits()
    data = TensorDataset(torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16, torch.tensor(d.target))
    train, val = random_split(data, [1400, len(data) - 1400])
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 16, 10))
    trainer = Trainer(model, torch.optim.Adagrad(model.parameters(), lr=0.02), nn.CrossEntropyLoss(),
                      [GradientMonitor(), Validation(DataLoader(val, 200))])
    trainer.fit(DataLoader(train, batch_size=50, shuffle=True), epochs=6)


main()
