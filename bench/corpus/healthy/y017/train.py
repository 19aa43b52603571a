"""A deep linear autoencoder finds the same subspace as PCA."""
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import nn
from torch.utils.data import DataLoader


class LinearAutoencoder(nn.Module):
    def __init__(self, dims=(64, 32, 8)):
        super().__init__()
        pairs = list(zip(dims, dims[1:]))
        self.encode = nn.Sequential(*[nn.Linear(a, b, bias=False) for a, b in pairs])
        self.decode = nn.Sequential(*[nn.Linear(b, a, bias=False) for a, b in reversed(pairs)])

    def forward(self, x):
        return self.decode(self.encode(x))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--code", type=int, default=8)
    ap.add_argument("--epochs", type=int, default=40)
    ap.add_argument("--lr", type=float, default=3e-3)
    args = ap.parse_args()
    torch.manual_seed(2)
    x = torch.tensor(load_digits().data, dtype=torch.float32)
    x = x[torch.randperm(len(x))] / 16
    train, test = x[:1400], x[1400:]
    mean = train.mean(0)
    scale = (train - mean).std()
    train, test = (train - mean) / scale, (test - mean) / scale
    pca = PCA(args.code).fit(train.numpy())
    best = ((pca.inverse_transform(pca.transform(test.numpy())) - test.numpy()) ** 2).mean()
    model = LinearAutoencoder((64, 32, args.code))
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs, eta_min=1e-4)
    loader = DataLoader(train, batch_size=70, shuffle=True)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for xb in loader:
            loss = nn.functional.mse_loss(model(xb), xb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        sched.step()
        if epoch % 10 == 0:
            model.eval()
            with torch.no_grad():
                err = nn.functional.mse_loss(model(test), test).item()
            print(f"epoch {epoch} train mse {total / len(loader):.4f} test mse {err:.4f} (PCA {best:.4f})")


main()
