import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Codebook(nn.Module):
    def __init__(self, entries, dim, beta=0.25):
        super().__init__()
        self.table = nn.Parameter(torch.randn(entries, dim) * 0.5)
        self.beta = beta

    def forward(self, z):
        flat = z.reshape(-1, z.shape[-1])
        index = torch.cdist(flat, self.table).argmin(1)
        q = self.table[index].view_as(z)
        loss = F.mse_loss(q, z.detach()) + self.beta * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, index


class VQ(nn.Module):
    def __init__(self, parts=8, dim=6, entries=32):
        super().__init__()
        self.parts, self.dim = parts, dim
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, parts * dim))
        self.book = Codebook(entries, dim)
        self.dec = nn.Sequential(nn.Linear(parts * dim, 128), nn.GELU(), nn.Linear(128, 64))

    def forward(self, x):
        z = self.enc(x).view(-1, self.parts, self.dim)
        q, loss, index = self.book(z)
        return self.dec(q.flatten(1)), loss, index


def perplexity(index, entries):
    p = torch.bincount(index, minlength=entries).float()
    p = p / p.sum()
    return torch.exp(-(p * (p + 1e-9).log()).sum()).item()


def run(seed=0, epochs=24):
    torch.manual_seed(seed)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    x = x[torch.randperm(len(x))]
    train, test = x[:1500], x[1500:]
    base = F.mse_loss(train.mean(0).expand_as(test), test).item()
    net = VQ()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(1, epochs + 1):
        for xb in train[torch.randperm(len(train))].split(50):
            out, commit, _ = net(xb)
            loss = F.mse_loss(out, xb) * 4 + commit
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
        if epoch % 6 == 0:
            with torch.no_grad():
                out, commit, index = net(test)
            print(f"epoch {epoch} reconstruction {F.mse_loss(out, test):.4f} (mean image {base:.4f}) codes {commit:.4f} perplexity {perplexity(index, 32):.1f}")


run()
