import itertools

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim

BUDGET = 600


def linear_decay(total):
    """Factor that goes down from 1 to 0 in `total` steps."""
    return lambda step: max(0, (total - step) / total)


def load():
    x, y = load_wine(return_X_y=True)
    xa, xb, ya, yb = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
    scale = StandardScaler().fit(xa)
    to = lambda a: torch.as_tensor(scale.transform(a), dtype=torch.float32)
    return to(xa), torch.as_tensor(ya), to(xb), torch.as_tensor(yb)


def forever(x, y, size):
    while True:
        order = torch.randperm(len(x))
        for k in range(0, len(x) - size + 1, size):
            yield x[order[k:k + size]], y[order[k:k + size]]


torch.manual_seed(0)
xa, ya, xb, yb = load()
net = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
opt = optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
sched = optim.lr_scheduler.LambdaLR(opt, linear_decay(BUDGET))

history = []
for step, (x, y) in enumerate(itertools.islice(forever(xa, ya, 16), BUDGET)):
    net.train()
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    history.append(loss.item())
    if (step + 1) % 150 == 0:
        net.eval()
        with torch.no_grad():
            acc = (net(xb).argmax(1) == yb).float().mean().item()
        print("step %d loss %.4f test accuracy %.3f" % (step + 1, sum(history[-50:]) / 50, acc))
