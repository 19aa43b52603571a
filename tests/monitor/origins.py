"""Little training loops in which a NaN or Inf arises; each names, by ``# HERE``, the line that makes it."""

# Programs as people write them.
# ruff: noqa
# mypy: ignore-errors

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def loader(n=64, features=8, batch=8, spoil=None):
    """Return a loader of which one late batch may be spoilt."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, features, generator=generator)
    y = (x.sum(1) > 0).float()
    if spoil is not None:
        spoil(x, y)
    return DataLoader(TensorDataset(x, y), batch_size=batch)


def mlp(out=1):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, out))


def zero_row(x, y):
    x[41] = 0.0


def log_of_zero():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in loader(spoil=zero_row):
        p = torch.sigmoid(model(x).squeeze(-1))
        p = p * (x[:, 0] != 0)
        loss = -torch.log(p).mean()  # HERE
        opt.zero_grad()
        loss.backward()
        opt.step()


def spoil_counts(x, y):
    x[40:48, 0] = -1.0


def zero_by_zero():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in loader(spoil=spoil_counts):
        wanted = (x[:, 0] > -0.9).float()
        errors = (model(x).squeeze(-1) - y) ** 2
        kept = errors * wanted
        loss = kept.sum() / wanted.sum()  # HERE
        opt.zero_grad()
        loss.backward()
        opt.step()


def sqrt_backward():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    with torch.no_grad():
        model[0].bias.zero_()
        model[2].bias.zero_()
    for x, y in loader(spoil=zero_row):
        out = model(x).squeeze(-1)
        energy = (x * x).sum(1) * out * out
        root = torch.sqrt(energy)  # HERE
        loss = (root - y).abs().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


class Rate(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Linear(8, 8)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        z = self.drop(self.body(x)).sum(1)
        return torch.exp(z * x[:, 0].abs())  # HERE


def large(x, y):
    x[42] = 40.0


def exp_overflow():
    model = Rate()
    with torch.no_grad():
        model.body.weight.fill_(0.1)
    opt = torch.optim.SGD(model.parameters(), lr=0.0001)
    for x, y in loader(spoil=large):
        loss = F.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


def half_overflow():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)

    def spoil(x, y):
        x[43] = 3000.0

    for x, y in loader(spoil=spoil):
        out = model(x).squeeze(-1).half()
        squares = out * 200.0  # HERE
        loss = (squares.float() - y).abs().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


def zero_norm():
    model = mlp(4)
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in loader(spoil=zero_row):
        unit = x / x.norm(dim=1, keepdim=True)  # HERE
        loss = model(unit).pow(2).mean() + y.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


def inf_in_data():
    def spoil(x, y):
        x[44, 3] = float("inf")

    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in loader(spoil=spoil):
        out = model(x).squeeze(-1)  # HERE
        loss = F.binary_cross_entropy_with_logits(out, y)
        opt.zero_grad()
        loss.backward()
        opt.step()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x, mask):
        scores = self.q(x) @ self.k(x).T
        scores = scores.masked_fill(~mask, float("-inf"))
        weights = F.softmax(scores, dim=-1)  # HERE
        return self.norm(weights @ self.v(x))


def softmax_of_nothing():
    model = Attention()
    opt = torch.optim.Adam(model.parameters(), lr=0.01)
    for i, (x, y) in enumerate(loader()):
        mask = torch.tril(torch.ones(8, 8, dtype=torch.bool))
        if i == 5:
            mask[0, 0] = False
        loss = (model(x, mask).sum(1) - y).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


class Growing(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.step = nn.Linear(8, 8, bias=False)
        self.out = nn.Linear(8, 1)

    def forward(self, x, length):
        h = x
        for _ in range(length):
            h = self.step(h)  # HERE
        return self.out(h).squeeze(-1)


def exploding_rnn():
    model = Growing()
    with torch.no_grad():
        model.step.weight.copy_(torch.eye(8) * 4)
    opt = torch.optim.SGD(model.parameters(), lr=1e-12)
    for i, (x, y) in enumerate(loader()):
        length = 70 if i == 5 else 2
        loss = F.l1_loss(model(x, length), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


class Reciprocal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x / x.abs()  # HERE


reciprocal = Reciprocal.apply


def custom_function():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    with torch.no_grad():
        model[0].bias.zero_()
        model[2].bias.zero_()
    for x, y in loader(spoil=zero_row):
        out = model(x * (x != 0)).squeeze(-1) * x[:, 0]
        loss = (reciprocal(out) - y).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


class Second(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x):
        h = torch.relu(self.first(x))
        return self.last(h).squeeze(-1)  # HERE


def bad_weight():
    model = Second()
    with torch.no_grad():
        model.last.weight[0, 2] = float("nan")
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in loader():
        loss = F.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


class Metric(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Linear(8, 4, bias=False)

    def forward(self, x):
        e = self.embed(x)
        return e.pow(2).sum(1).pow(0.5)  # HERE


def norm_of_nothing():
    model = Metric()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in loader(spoil=zero_row):
        loss = (model(x) - y).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


def branching():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for i, (x, y) in enumerate(loader()):
        p = torch.sigmoid(model(x).squeeze(-1))
        if i == 5:
            p = p * (torch.arange(8) > 0)
        else:
            p = p * (torch.arange(8) >= 0)
        loss = -torch.log(p).mean()  # HERE
        opt.zero_grad()
        loss.backward()
        opt.step()
