"""Adapt a small transformer to a changed task with low-rank adapters only."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class LoRALinear(nn.Module):
    def __init__(self, base, rank=4, alpha=8.0):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = nn.Parameter(torch.empty(rank, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.A), self.B) * self.scale


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (f(x).view(b, t, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        return self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d))


class Layer(nn.Module):
    def __init__(self, d, heads=4):
        super().__init__()
        self.n1, self.attn = nn.LayerNorm(d), Attention(d, heads)
        self.n2, self.up, self.down = nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x):
        x = x + self.attn(self.n1(x))
        return x + self.down(F.gelu(self.up(self.n2(x))))


class Model(nn.Module):
    """Predicts a class from the number of tokens of one kind minus another."""

    def __init__(self, d=32, length=12):
        super().__init__()
        self.tok, self.pos = nn.Embedding(8, d), nn.Parameter(0.02 * torch.randn(length, d))
        self.layers = nn.ModuleList(Layer(d) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 2)

    def forward(self, x):
        h = self.tok(x) + self.pos
        for layer in self.layers:
            h = layer(h)
        return self.head(self.norm(h.mean(1)))


def task(n, plus, minus):
    x = torch.randint(8, (n, 12))
    diff = (x == plus).sum(1) - (x == minus).sum(1)
    keep = diff != 0
    return x[keep], (diff[keep] > 0).long()


def fit(model, params, data, held_out, epochs, lr):
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    x, y = data
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            acc = (model(held_out[0]).argmax(1) == held_out[1]).float().mean().item()
        print(f"  epoch {epoch} loss {total / len(x):.4f} held-out accuracy {acc:.3f}")


def inject(model, rank):
    for layer in model.layers:
        layer.attn.q, layer.attn.v = LoRALinear(layer.attn.q, rank), LoRALinear(layer.attn.v, rank)
        layer.up, layer.down = LoRALinear(layer.up, rank), LoRALinear(layer.down, rank)


if __name__ == "__main__":
    torch.manual_seed(33)
    model = Model()
    print("base task")
    fit(model, model.parameters(), task(2500, 0, 1), task(600, 0, 1), 3, 3e-3)
    model.requires_grad_(False)
    inject(model, rank=4)
    trainable = [p for p in model.parameters() if p.requires_grad]
    print(f"new task, {sum(p.numel() for p in trainable)} of {sum(p.numel() for p in model.parameters())} parameters")
    fit(model, trainable, task(2500, 5, 2), task(600, 5, 2), 6, 1e-2)
