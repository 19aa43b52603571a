import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def echoes(n, seed, length=64):
    """Echo of a pulse: its width tells the depth of the target, the noise grows with depth."""
    g = torch.Generator().manual_seed(seed)
    depth = torch.rand(n, generator=g)
    t = torch.arange(length).float()
    centre = 24 + 16 * torch.rand(n, 1, generator=g)
    pulse = torch.exp(-0.5 * ((t - centre) / (2 + 6 * depth[:, None])) ** 2)
    return (pulse + (0.02 + 0.12 * depth[:, None]) * torch.randn(n, length, generator=g)).unsqueeze(1), depth


def shifted(x, reach=8):
    k = torch.randint(-reach, reach + 1, (len(x),))
    where = (torch.arange(x.shape[-1])[None, :] - k[:, None]) % x.shape[-1]
    return x.gather(2, where.unsqueeze(1))


class DepthNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, 16, 7, padding=3), nn.SiLU(), nn.MaxPool1d(2), nn.Conv1d(16, 24, 7, padding=3), nn.SiLU(),
                                  nn.MaxPool1d(2), nn.Flatten(), nn.Linear(24 * 16, 48), nn.SiLU())
        self.mean, self.spread = nn.Linear(48, 1), nn.Linear(48, 1)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h).squeeze(1), self.spread(h).squeeze(1).clamp(-8, 3)


def density_loss(mean, log_var, y):
    return (0.5 * ((y - mean) ** 2 * torch.exp(-log_var) + log_var + math.log(2 * math.pi))).mean()


def make(net, rate, steps):
    opt = torch.optim.AdamW(net.parameters(), lr=rate)
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, rate, total_steps=steps)

    def learn(x, y):
        net.train()
        loss = density_loss(*net(shifted(x)), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        plan.step()
        return loss.item()

    @torch.no_grad()
    def judge(x, y, views=8):
        net.eval()
        mean = torch.stack([net(shifted(x))[0] for _ in range(views)]).mean(0)
        return F.l1_loss(mean, y).item()

    return learn, judge


torch.manual_seed(45)
x, y = echoes(2500, 1)
x_val, y_val = echoes(500, 2)
epochs, batch = 24, 50
learn, judge = make(DepthNet(), 4e-3, epochs * len(x) // batch)
for epoch in range(1, epochs + 1):
    losses = [learn(x[i], y[i]) for i in torch.randperm(len(x)).split(batch)]
    if epoch % 4 == 0:
        print(f"epoch {epoch:2d} negative log-density {sum(losses) / len(losses):+.3f} valid mean error {judge(x_val, y_val):.4f}")
