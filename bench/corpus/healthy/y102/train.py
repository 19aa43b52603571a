import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

MARGIN = 0.4


class Embed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 96), nn.PReLU(), nn.Linear(96, 48), nn.PReLU(), nn.Linear(48, 8))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


def triplets(y, batch, steps, rng):
    by_class = [np.flatnonzero(y == c) for c in range(10)]
    for _ in range(steps):
        c = rng.integers(0, 10, batch)
        other = (c + rng.integers(1, 10, batch)) % 10
        yield (np.array([rng.choice(by_class[k]) for k in c]),
               np.array([rng.choice(by_class[k]) for k in c]),
               np.array([rng.choice(by_class[k]) for k in other]))


def knn(net, x, y, xt, yt):
    with torch.no_grad():
        return KNeighborsClassifier(3).fit(net(x).numpy(), y).score(net(xt).numpy(), yt)


rng = np.random.default_rng(0)
torch.manual_seed(0)
d = load_digits()
order = rng.permutation(len(d.target))
x = torch.tensor(d.data[order] / 16 - 0.3, dtype=torch.float32)
y = d.target[order]
x, xt, y, yt = x[:1200], x[1200:], y[:1200], y[1200:]
net = Embed()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
crit = nn.TripletMarginLoss(margin=MARGIN)
print(f"before: 3-nn accuracy {knn(net, x, y, xt, yt):.3f}")
window = []
for step, (a, p, n) in enumerate(triplets(y, 64, 500, rng), 1):
    loss = crit(net(x[a]), net(x[p]), net(x[n]))
    opt.zero_grad()
    loss.backward()
    opt.step()
    window.append(loss.item())
    if step % 100 == 0:
        print(f"step {step} triplet loss {np.mean(window[-100:]):.4f} 3-nn accuracy {knn(net, x, y, xt, yt):.3f}")
