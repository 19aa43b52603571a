"""A small GAN that learns a ring of eight Gaussians."""
import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn


def ring(n, modes=8, radius=1.0, std=0.05):
    k = torch.randint(modes, (n,))
    angle = 2 * math.pi * k / modes
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1) + std * torch.randn(n, 2)


def mlp(n_in, n_out, hidden=96):
    return nn.Sequential(nn.Linear(n_in, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, n_out))


def quality(points):
    """Share of points within 0.25 of a mode and number of modes that are visited."""
    angle = 2 * math.pi * torch.arange(8) / 8
    centres = torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    dist, nearest = torch.cdist(points, centres).min(1)
    hits = torch.bincount(nearest[dist < 0.25], minlength=8)
    return (dist < 0.25).float().mean().item(), int((hits > len(points) // 80).sum())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--steps", type=int, default=1600)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--z", type=int, default=16)
    ap.add_argument("--lr", type=float, default=1e-3)
    args = ap.parse_args()
    torch.manual_seed(0)
    G, D = mlp(args.z, 2), mlp(2, 1)
    opt_g = torch.optim.Adam(G.parameters(), lr=args.lr, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), lr=args.lr, betas=(0.5, 0.99))
    for step in range(1, args.steps + 1):
        real = ring(args.batch)
        fake = G(torch.randn(args.batch, args.z))

        d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()

        g_loss = F.softplus(-D(fake)).mean()
        opt_g.zero_grad()
        g_loss.backward()
        opt_g.step()

        if step % 400 == 0:
            with torch.no_grad():
                near, modes = quality(G(torch.randn(1000, args.z)))
            print(f"step {step} d_loss {d_loss.item():.3f} g_loss {g_loss.item():.3f} near a mode {near:.3f} modes {modes}/8")


if __name__ == "__main__":
    main()
