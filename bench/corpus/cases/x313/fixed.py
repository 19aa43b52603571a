import torch
from torch import nn


def turbine(n, seed):
    """Yield of a turbine (noisy) from eight readings."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 8, generator=g)
    y = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.3 * x[:, 3]
    return x, y + 0.2 * torch.randn(n, generator=g)


def build(hidden=32):
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)


def loop(net, opt, x, y, epochs=30, batch=50):
    mse = nn.MSELoss()
    for epoch in range(1, epochs + 1):
        net.train()
        losses = []
        for idx in torch.randperm(len(x)).split(batch):
            loss = mse(net(x[idx]).squeeze(1), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        yield epoch, sum(losses) / len(losses)


@torch.no_grad()
def r_squared(net, x, y):
    net.eval()
    return 1 - ((net(x).squeeze(1) - y).square().mean() / y.var()).item()


def main():
    torch.manual_seed(0)
    x, y = turbine(2000, 0)
    test = turbine(600, 1)
    net = build()
    for epoch, loss in loop(net, sgd(net), x, y):
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d} loss {loss:.4f} test R2 {r_squared(net, *test):.3f}")


if __name__ == "__main__":
    main()
