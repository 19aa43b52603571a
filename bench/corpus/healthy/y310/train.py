"""Private training: every sample's gradient is cut to a small norm, noise is added, the mean is stepped."""
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.func import functional_call, grad, vmap


def records():
    d = load_breast_cancer()
    p = torch.randperm(len(d.target), generator=torch.Generator().manual_seed(2))
    x = torch.tensor(d.data, dtype=torch.float32)[p]
    y = torch.tensor(d.target, dtype=torch.float32)[p]
    x = (x - x[:430].mean(0)) / x[:430].std(0)
    return x[:430], y[:430], x[430:], y[430:]


def private_step(model, opt, x, y, bound, noise):
    params = {k: p.detach() for k, p in model.named_parameters()}

    def one(params, xi, yi):
        out = functional_call(model, params, (xi.unsqueeze(0),)).squeeze()
        return nn.functional.binary_cross_entropy_with_logits(out, yi)

    each = vmap(grad(one), in_dims=(None, 0, 0))(params, x, y)
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in each.values()]).norm(dim=0)
    factor = (bound / norms).clamp(max=1.0)
    for name, p in model.named_parameters():
        cut = torch.einsum("b,b...->...", factor, each[name])
        p.grad = (cut + noise * bound * torch.randn_like(p)) / len(x)
    opt.step()
    return (factor < 1).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bound", type=float, default=0.02)
    parser.add_argument("--noise", type=float, default=0.8)
    parser.add_argument("--lr", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.manual_seed(0)
    x, y, xt, yt = records()
    model = nn.Sequential(nn.Linear(30, 16), nn.Tanh(), nn.Linear(16, 1))
    opt = torch.optim.SGD(model.parameters(), lr=args.lr)
    for step in range(1, args.steps + 1):
        pick = torch.rand(len(x)) < 0.2
        cut = private_step(model, opt, x[pick], y[pick], args.bound, args.noise)
        if step % 50 == 0:
            with torch.no_grad():
                out = model(xt).squeeze(1)
            loss = nn.functional.binary_cross_entropy_with_logits(out, yt).item()
            acc = ((out > 0) == yt.bool()).float().mean().item()
            print(f"step {step} cut {cut:.2f} test loss {loss:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
