"""Damped oscillator u'' + 2 d u' + w0^2 u = 0, u(0)=1, u'(0)=0, solved by a small network without data."""
import math

import torch

torch.manual_seed(0)
d, w0, T = 0.6, 3.0, 3.0


def exact(t):
    w = math.sqrt(w0 ** 2 - d ** 2)
    return torch.exp(-d * t) * (torch.cos(w * t) + d / w * torch.sin(w * t))


sizes = [1, 32, 32, 1]
weights = [(torch.randn(a, b) / math.sqrt(a)).requires_grad_() for a, b in zip(sizes, sizes[1:])]
biases = [torch.zeros(b, requires_grad=True) for b in sizes[1:]]
freq = torch.tensor(1.0, requires_grad=True)


def u(t):
    h = t * freq
    for w, b in zip(weights[:-1], biases[:-1]):
        h = torch.tanh(h @ w + b)
    return h @ weights[-1] + biases[-1]


def derivative(y, t):
    return torch.autograd.grad(y, t, torch.ones_like(y), create_graph=True)[0]


def residuals(t):
    y = u(t)
    dy = derivative(y, t)
    ddy = derivative(dy, t)
    return ddy + 2 * d * dy + w0 ** 2 * y


start = torch.zeros(1, 1, requires_grad=True)
optimizer = torch.optim.Adam([*weights, *biases, freq], lr=4e-3)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9992)
grid = torch.linspace(0, T, 200).unsqueeze(1)
for step in range(1, 2401):
    t = (T * torch.rand(64, 1)).requires_grad_()
    y0 = u(start)
    loss = 0.02 * residuals(t).square().mean() + (y0 - 1).square().sum() + 0.1 * derivative(y0, start).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if step % 400 == 0:
        with torch.no_grad():
            error = (u(grid) - exact(grid)).abs().max().item()
        print(f"step {step} loss {loss.item():.3e} largest error against the solution {error:.4f}")
