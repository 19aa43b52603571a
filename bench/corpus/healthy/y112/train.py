import math

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from torch import nn

LEVELS = torch.tensor([0.1, 0.5, 0.9])


def pinball(pred, target):
    gap = target[:, None] - pred
    return torch.maximum(LEVELS * gap, (LEVELS - 1) * gap).mean()


def schedule(step, warm=20, total=420):
    if step < warm:
        return step / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def fit(x, y, seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(10, 24), nn.Softplus(), nn.Linear(24, 3))
    opt = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, schedule)
    trace = []
    for epoch in range(60):
        for idx in torch.randperm(len(x)).split(51):
            loss = pinball(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            trace.append(loss.item())
    return net, trace


def folds():
    data = load_diabetes()
    y_all = data.target.astype("float32")
    for k, (tr, va) in enumerate(KFold(5, shuffle=True, random_state=0).split(data.data)):
        mx, sx = data.data[tr].mean(0), data.data[tr].std(0)
        my, sy = y_all[tr].mean(), y_all[tr].std()
        scale = lambda rows: (torch.tensor((data.data[rows] - mx) / sx, dtype=torch.float32), torch.tensor((y_all[rows] - my) / sy))
        yield k, scale(tr), scale(va)


if __name__ == "__main__":
    results = []
    for k, (x, y), (xv, yv) in folds():
        net, trace = fit(x, y, seed=k)
        with torch.no_grad():
            q = net(xv)
        inside = ((yv > q[:, 0]) & (yv < q[:, 2])).float().mean().item()
        constant = pinball(torch.quantile(y, LEVELS).expand(len(yv), 3), yv).item()
        held = pinball(q, yv).item()
        results.append((held, constant, inside))
        print(f"fold {k} train {np.mean(trace[:7]):.4f} -> {np.mean(trace[-7:]):.4f} held-out {held:.4f} (constant {constant:.4f}) inside 80 % band {inside:.2f}")
    held, constant, inside = np.mean(results, axis=0)
    print(f"mean held-out {held:.4f} against {constant:.4f}, inside {inside:.2f}")
