import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import RobustScaler
from torch import nn
from torch.utils.data import BatchSampler, RandomSampler


class TwoBranch(nn.Module):
    """Means and errors in one branch, worst values in the other, joined late."""

    def __init__(self, width=24):
        super().__init__()
        self.typical = nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.worst = nn.Sequential(nn.Linear(10, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.join = nn.Linear(2 * width, 1)

    def forward(self, x):
        return self.join(torch.cat([self.typical(x[:, :20]), self.worst(x[:, 20:])], 1))[:, 0]


@torch.no_grad()
def init_from_data(net, x):
    """Layer by layer: unit variance before the activation, thresholds set from the data."""
    for branch in (net.typical, net.worst):
        for layer in branch:
            if not isinstance(layer, nn.Linear):
                continue
            caught = []
            hook = layer.register_forward_hook(lambda m, a, out: caught.append(out))
            net(x)
            hook.remove()
            z = caught[0]
            layer.weight.div_(z.std(0).clamp_min(1e-3)[:, None])
            layer.bias.div_(z.std(0).clamp_min(1e-3))
            z = z / z.std(0).clamp_min(1e-3)
            layer.bias.sub_(z.mean(0) + 6 * z.std(0))


def tensors():
    x, y = load_breast_cancer(return_X_y=True)
    a, b, ya, yb = train_test_split(x, y, test_size=0.3, random_state=1, stratify=y)
    s = RobustScaler().fit(a)
    f = lambda v: torch.tensor(s.transform(v).clip(-4, 4), dtype=torch.float32)
    return f(a), torch.tensor(ya, dtype=torch.float32), f(b), torch.tensor(yb, dtype=torch.float32)


torch.manual_seed(6)
x, y, xt, yt = tensors()
net = TwoBranch()
init_from_data(net, x)
sgd = torch.optim.SGD(net.parameters(), lr=0.03)
crit = nn.BCEWithLogitsLoss()
sampler = BatchSampler(RandomSampler(range(len(x))), batch_size=16, drop_last=True)
for epoch in range(1, 26):
    total = 0.0
    for rows in sampler:
        sgd.zero_grad()
        loss = crit(net(x[rows]), y[rows])
        loss.backward()
        sgd.step()
        total += loss.item()
    if epoch % 5 == 0:
        with torch.no_grad():
            acc = ((net(xt) > 0).float() == yt).float().mean().item()
        print(f"epoch {epoch} loss {total / len(sampler):.4f} test accuracy {acc:.3f}")
