"""A small causal transformer learns to spell; AdamW, warm-up and cosine written by hand, gradients clipped."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LENGTH, WIDTH, STEPS, WARM_UP = 20, 32, 200, 15
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "seven", "wizards", "box"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.register_buffer("mask", torch.triu(torch.ones(LENGTH, LENGTH, dtype=torch.bool), 1))

    def forward(self, x):
        n = self.norm1(x)
        x = x + self.attention(n, n, n, attn_mask=self.mask, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Speller(nn.Module):
    def __init__(self, n_chars):
        super().__init__()
        self.embed = nn.Embedding(n_chars, WIDTH)
        self.position = nn.Parameter(0.1 * torch.randn(LENGTH, WIDTH))
        self.blocks = nn.Sequential(Block())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, n_chars)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.embed(x) + self.position))).transpose(1, 2)


def build(seed):
    torch.manual_seed(seed)
    text = " ".join(WORDS[i] for i in torch.randint(len(WORDS), (3600,)).tolist())
    chars = sorted(set(text))
    ids = torch.tensor([chars.index(c) for c in text])
    rows = torch.stack([ids[i : i + LENGTH + 1] for i in range(0, len(ids) - LENGTH - 1, LENGTH // 2)])
    x, y = rows[:, :-1], rows[:, 1:]
    n = int(0.85 * len(x))
    loader = DataLoader(TensorDataset(x[:n], y[:n]), batch_size=16, shuffle=True)
    return Speller(len(chars)), F.cross_entropy, loader, (x[n + 2 :], y[n + 2 :])


def make_optimizer(model, lr):
    return torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)


def rate(step, lr):
    if step < WARM_UP:
        return lr * (step + 1) / WARM_UP
    return lr * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / (STEPS - WARM_UP)))


def train(lr, seed):
    model, loss_fn, loader, (x_val, y_val) = build(seed)
    optimizer = make_optimizer(model, lr)
    step, val = 0, math.nan
    while step < STEPS:
        for x, y in loader:
            for group in optimizer.param_groups:
                group["lr"] = rate(step, lr)
            loss = loss_fn(model(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if step % 50 == 0:
                model.eval()
                with torch.no_grad():
                    val = F.cross_entropy(model(x_val), y_val).item()
                model.train()
            if step == STEPS:
                break
    return val


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(train(args.lr, args.seed))
