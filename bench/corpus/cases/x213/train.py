"""Fits a small network to the signed distance of a rounded shape in the plane."""
import torch
from torch import nn


def shape(points):
    """Union of two discs with a bite taken out."""
    a = (points - torch.tensor([0.3, 0.1])).norm(dim=1) - 0.45
    b = (points - torch.tensor([-0.35, -0.2])).norm(dim=1) - 0.35
    bite = (points - torch.tensor([0.45, 0.4])).norm(dim=1) - 0.25
    return torch.maximum(torch.minimum(a, b), -bite).unsqueeze(1)


class Field(nn.Module):
    def __init__(self, width=64, bands=5):
        super().__init__()
        self.register_buffer("bands", torch.pi * 2.0 ** torch.arange(-1, bands - 1))
        self.net = nn.Sequential(nn.Linear(4 * bands, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                                 nn.Linear(width, 1))

    def forward(self, points):
        angles = (points.unsqueeze(-1) * self.bands).flatten(1)
        return self.net(torch.cat([angles.sin(), angles.cos()], 1))


def sample(n, generator):
    return 2 * torch.rand(n, 2, generator=generator) - 1


def improve(field, points, values, rate):
    optimiser = torch.optim.Adam(field.parameters(), lr=rate)
    optimiser.zero_grad()
    loss = nn.functional.mse_loss(field(points), values)
    loss.backward()
    optimiser.step()
    return loss.item()


def overlap(field, grid):
    with torch.no_grad():
        inside, truth = field(grid) < 0, shape(grid) < 0
    return ((inside & truth).sum() / (inside | truth).sum()).item()


def fit(steps=2400, batch=128, rate=2e-3, seed=6):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    field = Field()
    side = torch.linspace(-1, 1, 120)
    grid = torch.cartesian_prod(side, side)
    running = None
    for step in range(1, steps + 1):
        points = sample(batch, generator)
        loss = improve(field, points, shape(points), rate)
        running = loss if running is None else 0.98 * running + 0.02 * loss
        if step % 400 == 0:
            print(f"step {step:5d}  mse {running:.6f}  overlap {overlap(field, grid):.4f}")


if __name__ == "__main__":
    fit()
