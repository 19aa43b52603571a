import math

import torch
from torch import nn


def ring(n):
    k = torch.randint(0, 6, (n,)) * (2 * math.pi / 6)
    return torch.stack([k.cos(), k.sin()], 1) + 0.05 * torch.randn(n, 2)


def mlp(i, o, w=48):
    return nn.Sequential(nn.Linear(i, w), nn.LeakyReLU(0.2), nn.Linear(w, w), nn.LeakyReLU(0.2), nn.Linear(w, o))


class WassersteinTrainer:
    def __init__(self, noise=4, clip=0.1, inner=5):
        self.noise, self.clip, self.inner = noise, clip, inner
        self.gen, self.critic = mlp(noise, 2), mlp(2, 1)
        self.opt_g = torch.optim.RMSprop(self.gen.parameters(), lr=5e-4)
        self.opt_c = torch.optim.RMSprop(self.critic.parameters(), lr=1e-3)

    def sample(self, n):
        return self.gen(torch.randn(n, self.noise))

    def critic_step(self, real):
        with torch.no_grad():
            fake = self.sample(len(real))
        gap = self.critic(real).mean() - self.critic(fake).mean()
        self.opt_c.zero_grad()
        (-gap).backward()
        self.opt_c.step()
        with torch.no_grad():
            for p in self.critic.parameters():
                p.clamp_(-self.clip, self.clip)
        return gap.item()

    def generator_step(self, n):
        loss = -self.critic(self.sample(n)).mean()
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        return loss.item()

    @torch.no_grad()
    def quality(self, n=1000):
        fake = self.sample(n)
        radius = fake.norm(dim=1)
        corner = torch.atan2(fake[:, 1], fake[:, 0]) / (2 * math.pi / 6)
        hit = {int(c) % 6 for c, r in zip(corner.round(), radius) if abs(r - 1) < 0.2}
        return radius.mean().item(), (radius - 1).abs().mean().item(), len(hit)

    def train(self, rounds, batch=96):
        for r in range(1, rounds + 1):
            for _ in range(self.inner):
                gap = self.critic_step(ring(batch))
            g = self.generator_step(batch)
            if r % 150 == 0:
                mean, off, corners = self.quality()
                print(f"round {r} gap {gap:.4f} generator {g:+.4f} radius {mean:.2f} distance from ring {off:.3f} corners {corners}")


torch.manual_seed(1)
t = WassersteinTrainer()
print("start: radius %.2f, distance from ring %.3f, corners %d" % t.quality())
t.train(750)
