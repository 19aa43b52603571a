"""A GRU tells whether the marked steps of a sequence add up to more than zero."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make_sequences(n, length=16):
    """Column 0 holds values, column 1 marks the three of them that count."""
    values = torch.randn(n, length)
    marks = torch.zeros(n, length)
    chosen = torch.rand(n, length).topk(3, dim=1).indices
    marks.scatter_(1, chosen, 1.0)
    x = torch.stack([values, marks], dim=2)
    y = ((values * marks).sum(dim=1) > 0).float()
    return x, y


class SequenceNet(nn.Module):
    def __init__(self, n_features=2, hidden=48):
        super().__init__()
        self.embed = nn.Linear(n_features, 24)
        self.rnn = nn.GRU(24, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.rnn(torch.tanh(self.embed(x)))
        last = self.drop(states[:, -1])
        return self.out(last).squeeze(-1)


class Trainer:
    def __init__(self, model, train_loader, test_loader, lr=5e-3):
        self.model = model
        self.train_loader = train_loader
        self.test_loader = test_loader
        self.loss_fn = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            total += loss.item()
        return total / len(self.train_loader)

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        n_right = sum(((self.model(x) > 0) == (y > 0.5)).sum().item() for x, y in self.test_loader)
        return n_right / len(self.test_loader.dataset)

    def run(self, epochs):
        for epoch in range(epochs):
            loss = self.train_epoch()
            print(f"epoch {epoch} loss {loss:.4f} test accuracy {self.evaluate():.3f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    train_loader = DataLoader(TensorDataset(*make_sequences(2000)), batch_size=64, shuffle=True)
    test_loader = DataLoader(TensorDataset(*make_sequences(600)), batch_size=200)
    Trainer(SequenceNet(), train_loader, test_loader).run(epochs=8)
