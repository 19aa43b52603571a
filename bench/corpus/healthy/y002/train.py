import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.mu, self.logvar = nn.Linear(128, latent), nn.Linear(128, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu
        if self.training:
            z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


def elbo_terms(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return bce, kld


def run(epochs=15, warm=5):
    torch.manual_seed(11)
    images = (load_digits().data / 16.0).astype(np.float32)
    images = images[np.random.default_rng(11).permutation(len(images))]
    train, test = images[:1500], torch.from_numpy(images[1500:])
    loader = DataLoader(torch.from_numpy(train), batch_size=64, shuffle=True)
    vae = VAE()
    opt = torch.optim.Adam(vae.parameters(), lr=2e-3)
    mean_image = torch.from_numpy(train).mean(0, keepdim=True).expand_as(test).clamp(1e-4, 1 - 1e-4)
    print(f"test BCE of the mean image {F.binary_cross_entropy(mean_image, test, reduction='sum').item() / len(test):.2f}")
    for epoch in range(epochs):
        beta = min(1.0, (epoch + 1) / warm)
        vae.train()
        sums = np.zeros(2)
        for x in loader:
            recon, mu, logvar = vae(x)
            bce, kld = elbo_terms(recon, x, mu, logvar)
            opt.zero_grad()
            (bce + beta * kld).backward()
            opt.step()
            sums += [bce.item(), kld.item()]
        vae.eval()
        with torch.no_grad():
            tb, tk = elbo_terms(*(lambda o: (o[0], test, o[1], o[2]))(vae(test)))
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} beta {beta:.1f} train bce {sums[0] / len(loader):.2f} kl {sums[1] / len(loader):.2f} "
                  f"test bce {tb.item():.2f} kl {tk.item():.2f}")


run()
