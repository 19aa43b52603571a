"""Rating prediction with user and film embeddings."""
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class RecModel(nn.Module):
    def __init__(self, users, films, dim=8, hidden=32):
        super().__init__()
        self.user_emb = nn.Embedding(users, dim)
        self.film_emb = nn.Embedding(films, dim)
        self.norm = nn.LayerNorm(2 * dim)
        self.fc1 = nn.Linear(2 * dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, user, film):
        u, f = self.user_emb(user), self.film_emb(film)
        h = self.norm(torch.cat([u, f], dim=-1))
        h = torch.relu(self.fc1(h))
        h = torch.relu(self.fc2(h))
        return self.out(h).squeeze(-1)


def parameter_groups(model, weight_decay):
    """Weight decay for matrices, none for biases and norms."""
    decay, no_decay = [], []
    for name, p in model.named_parameters():
        if name.endswith("bias") or "norm" in name or "emb" in name:
            no_decay.append(p)
        else:
            decay.append(p)
    return [{"params": decay, "weight_decay": weight_decay}, {"params": no_decay, "weight_decay": 0.0}]


def ratings(users, films, n, seed):
    g = torch.Generator().manual_seed(seed)
    taste = torch.randn(users, 3, generator=g)
    genre = torch.randn(films, 3, generator=g)
    bias = 0.7 * torch.randn(films, generator=g)
    pairs = torch.randperm(users * films, generator=g)[:n]
    u, f = pairs // films, pairs % films
    score = (taste[u] * genre[f]).sum(1) * 0.6 + bias[f] + 0.2 * torch.randn(n, generator=g)
    return u, f, score


def rmse(model, u, f, r):
    model.eval()
    with torch.no_grad():
        return (model(u, f) - r).square().mean().sqrt().item()


def main(argv=None):
    p = argparse.ArgumentParser()
    p.add_argument("--users", type=int, default=150)
    p.add_argument("--films", type=int, default=120)
    p.add_argument("--n", type=int, default=10000)
    p.add_argument("--wd", type=float, default=0.02)
    p.add_argument("--lr", type=float, default=6e-3)
    p.add_argument("--epochs", type=int, default=12)
    a = p.parse_args(argv)
    torch.manual_seed(27)
    u, f, r = ratings(a.users, a.films, a.n, 27)
    cut = int(0.85 * a.n)
    loader = DataLoader(TensorDataset(u[:cut], f[:cut], r[:cut]), batch_size=100, shuffle=True)
    held_out = (u[cut:], f[cut:], r[cut:])
    model = RecModel(a.users, a.films)
    opt = torch.optim.AdamW(parameter_groups(model, a.wd), lr=a.lr)
    print(f"standard deviation of held-out ratings {held_out[2].std().item():.3f}")
    for epoch in range(a.epochs):
        model.train()
        s = 0.0
        for users, films, score in loader:
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(users, films), score)
            loss.backward()
            opt.step()
            s += loss.item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} train rmse {(s / len(loader)) ** 0.5:.4f} held-out rmse {rmse(model, *held_out):.4f}")


if __name__ == "__main__":
    main()
