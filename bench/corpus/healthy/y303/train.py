"""A Wasserstein critic with clipped weights, and a generator whose average is kept."""
import copy

import torch
from torch import nn


def ring(n, g):
    angle = 2 * torch.pi * torch.randint(0, 6, (n,), generator=g) / 6
    return torch.stack([angle.cos(), angle.sin()], 1) * 1.5 + 0.1 * torch.randn(n, 2, generator=g)


def mlp(a, b, width=48):
    return nn.Sequential(nn.Linear(a, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, b))


class Average:
    def __init__(self, model, decay=0.99):
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, live):
        for kept, p in zip(self.model.parameters(), live.parameters()):
            kept.mul_(self.decay).add_(p, alpha=1 - self.decay)


def quality(x):
    near = (x.norm(dim=1) - 1.5).abs() < 0.35
    return near.float().mean().item()


def main(rounds=700, critic_steps=3, batch=128, clip=0.08):
    torch.manual_seed(5)
    g = torch.Generator().manual_seed(6)
    generator, critic = mlp(4, 2), mlp(2, 1)
    average = Average(generator)
    opt_g = torch.optim.RMSprop(generator.parameters(), lr=1e-3)
    opt_c = torch.optim.RMSprop(critic.parameters(), lr=1e-3)
    for i in range(1, rounds + 1):
        for _ in range(critic_steps):
            with torch.no_grad():
                fake = generator(torch.randn(batch, 4))
            gap = critic(ring(batch, g)).mean() - critic(fake).mean()
            opt_c.zero_grad()
            (-gap).backward()
            opt_c.step()
            with torch.no_grad():
                for p in critic.parameters():
                    p.clamp_(-clip, clip)
        opt_g.zero_grad()
        (-critic(generator(torch.randn(batch, 4))).mean()).backward()
        opt_g.step()
        average.update(generator)
        if i % 100 == 0:
            with torch.no_grad():
                x = average.model(torch.randn(2000, 4))
            print(f"round {i} gap {gap.item():.4f} on the ring {quality(x):.3f}")


main()
