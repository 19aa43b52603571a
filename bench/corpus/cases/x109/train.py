from functools import partial

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

objective = partial(F.cross_entropy, reduction="mean")


class Mixer(nn.Module):
    def __init__(self, tokens=16, width=24, blocks=2):
        super().__init__()
        self.embed = nn.Linear(4, width)
        self.token = nn.ModuleList(nn.Linear(tokens, tokens) for _ in range(blocks))
        self.channel = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.width = width

    def forward(self, x):
        x = self.embed(x)
        for t, c, n in zip(self.token, self.channel, self.norm):
            h = F.gelu(t(n(x).transpose(1, 2))).transpose(1, 2)
            x = x + F.gelu(c(h))
        return x.mean(1)


class Recogniser(nn.Module):
    """Any trunk with a `width`, topped by a head with one score for each class."""

    def __init__(self, trunk, classes):
        super().__init__()
        self.trunk = trunk
        self.score = nn.Linear(trunk.width, classes)

    @property
    def head(self):
        return nn.Sequential(self.score, nn.Softmax(dim=1))

    def forward(self, x):
        return self.head(self.trunk(x))


class Timed(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls = inner, 0

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, *args):
        self.calls += 1
        return self.inner(*args)


def patches(images):
    x = torch.as_tensor(images, dtype=torch.float32) / 8 - 1
    return x.unfold(1, 2, 2).unfold(2, 2, 2).reshape(len(x), 16, 4)


def main():
    torch.manual_seed(9)
    digits = load_digits()
    x, y = patches(digits.images), torch.as_tensor(digits.target)
    order = torch.randperm(len(y))
    tr, te = order[:1400], order[1400:]
    model = Timed(Recogniser(Mixer(), 10))
    opt = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for epoch in range(1, 17):
        total = 0.0
        for idx in tr[torch.randperm(len(tr))].split(70):
            loss = objective(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        if epoch % 4 == 0:
            with torch.no_grad():
                out = model(x[te])
            print(f"epoch {epoch} loss {total / len(tr):.4f} test {(out.argmax(1) == y[te]).float().mean():.4f} calls {model.calls} of {type(model.trunk).__name__}")


main()
