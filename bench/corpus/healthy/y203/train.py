import copy

import torch
from torch import nn


def real_points(n):
    """Eight blobs on a circle."""
    k = torch.randint(0, 8, (n,))
    angle = k * torch.pi / 4
    return 1.5 * torch.stack([angle.cos(), angle.sin()], 1) + 0.12 * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self, noise=4, width=64):
        super().__init__()
        self.noise = noise
        self.net = nn.Sequential(nn.Linear(noise, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, n):
        return self.net(torch.randn(n, self.noise))


class Critic(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, points):
        return self.net(points).mean()

    @torch.no_grad()
    def clip(self, limit):
        for p in self.parameters():
            p.clamp_(-limit, limit)


@torch.no_grad()
def blend(target, source, decay):
    for t, s in zip(target.parameters(), source.parameters()):
        t.copy_(decay * t + (1 - decay) * s)


@torch.no_grad()
def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def main():
    torch.manual_seed(10)
    gen, critic = Generator(), Critic()
    smooth = copy.deepcopy(gen)
    opt_g = torch.optim.RMSprop(gen.parameters(), lr=5e-4)
    opt_c = torch.optim.RMSprop(critic.parameters(), lr=5e-4)
    for step in range(1, 1201):
        for _ in range(4):
            loss_c = -(critic(real_points(128)) - critic(gen(128).detach()))
            opt_c.zero_grad()
            loss_c.backward()
            opt_c.step()
            critic.clip(0.1)
        loss_g = -critic(gen(128))
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        blend(smooth, gen, 0.99)
        if step % 300 == 0:
            with torch.no_grad():
                gap = energy_distance(smooth(1000), real_points(1000))
            print(f"step {step} critic {loss_c.item():+.4f} generator {loss_g.item():+.4f} energy distance {gap:.4f}")


main()
