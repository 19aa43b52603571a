"""Variational autoencoder of digits: the ELBO is a sum over pixels and samples, the rate is chosen for that."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, latent=8, width=128):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, width), nn.ReLU())
        self.mu, self.logvar = nn.Linear(width, latent), nn.Linear(width, latent)
        self.dec = nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp() if self.training else mu
        return self.dec(z), mu, logvar


def negative_elbo(logits, x, mu, logvar):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return reconstruction + kl


def main():
    torch.manual_seed(10)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    x = x[torch.randperm(len(x))]
    train, test = x[:1500], x[1500:]
    loader = DataLoader(train, batch_size=50, shuffle=True)
    vae = VAE()
    opt = torch.optim.SGD(vae.parameters(), lr=2e-4, momentum=0.9)
    for epoch in range(1, 26):
        vae.train()
        total = 0.0
        for xb in loader:
            opt.zero_grad()
            logits, mu, logvar = vae(xb)
            loss = negative_elbo(logits, xb, mu, logvar)
            loss.backward()
            opt.step()
            total += loss.item()
        if epoch % 5 == 0:
            vae.eval()
            with torch.no_grad():
                logits, mu, logvar = vae(test)
                held = negative_elbo(logits, test, mu, logvar).item() / len(test)
                error = (logits.sigmoid() - test).square().mean().item()
            print(f"epoch {epoch} -ELBO {total / len(train):.2f} held-out {held:.2f} pixel mse {error:.4f}")


main()
