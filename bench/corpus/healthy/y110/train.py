import math

import torch
from torch import nn
from torch.func import functional_call


def tasks(count, shots):
    amp = 0.5 + 2 * torch.rand(count, 1, 1)
    phase = math.pi * torch.rand(count, 1, 1)
    x = torch.rand(count, 2 * shots, 1) * 8 - 4
    return x, amp * torch.sin(x + phase)


def adapt(net, weights, x, y, rate, steps, create_graph):
    for _ in range(steps):
        loss = (functional_call(net, weights, (x,)) - y).square().mean()
        grads = torch.autograd.grad(loss, list(weights.values()), create_graph=create_graph)
        weights = {k: w - rate * g for (k, w), g in zip(weights.items(), grads)}
    return weights


def meta_loss(net, shots, rate, steps, count, create_graph=True):
    xs, ys = tasks(count, shots)
    before = after = 0.0
    start = dict(net.named_parameters())
    for x, y in zip(xs, ys):
        fast = adapt(net, start, x[:shots], y[:shots], rate, steps, create_graph)
        after = after + (functional_call(net, fast, (x[shots:],)) - y[shots:]).square().mean()
        before += (net(x[shots:]).detach() - y[shots:]).square().mean().item()
    return after / count, before / count


def main():
    torch.manual_seed(7)
    net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
    outer = torch.optim.Adam(net.parameters(), lr=3e-3)
    log = []
    for it in range(1, 301):
        loss, before = meta_loss(net, shots=10, rate=0.05, steps=2, count=6)
        outer.zero_grad()
        loss.backward()
        outer.step()
        log.append((loss.item(), before))
        if it % 60 == 0:
            a, b = (sum(v) / 60 for v in zip(*log[-60:]))
            print(f"iteration {it} error after two inner steps {a:.3f}, before {b:.3f}")
    final, before = meta_loss(net, shots=10, rate=0.05, steps=6, count=60, create_graph=False)
    print(f"new tasks: before {before:.3f}, after six steps {final.item():.3f}")


main()
