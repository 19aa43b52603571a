import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn


def prepare(seed):
    x, y = load_diabetes(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.25, random_state=seed)
    xm, xs, ym, ys = x_tr.mean(0), x_tr.std(0), y_tr.mean(), y_tr.std()
    to = lambda a: torch.tensor(a, dtype=torch.float32)
    return to((x_tr - xm) / xs), to((y_tr - ym) / ys), to((x_te - xm) / xs), to((y_te - ym) / ys)


def network(p=0.2):
    return nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Dropout(p), nn.Linear(48, 48), nn.ReLU(), nn.Dropout(p), nn.Linear(48, 1))


def posterior(model, x, passes=100):
    """Mean and spread of many passes with the units dropped at random (MC dropout)."""
    model.train()
    with torch.no_grad():
        draws = torch.stack([model(x).squeeze(1) for _ in range(passes)])
    return draws.mean(0), draws.std(0)


def main():
    torch.manual_seed(0)
    x, y, x_te, y_te = prepare(0)
    model = network()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
    for epoch in range(1, 31):
        model.train()
        losses = []
        for idx in torch.randperm(len(x)).split(32):
            loss = nn.functional.mse_loss(model(x[idx]).squeeze(1), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 10 == 0:
            mean, spread = posterior(model, x_te)
            noise = ((y - posterior(model, x)[0]) ** 2).mean().sqrt()
            width = 1.96 * (spread ** 2 + noise ** 2).sqrt()
            r2 = 1 - ((y_te - mean) ** 2).sum() / ((y_te - y_te.mean()) ** 2).sum()
            inside = ((y_te - mean).abs() < width).float().mean()
            print(f"epoch {epoch} loss {np.mean(losses):.3f} held-out R2 {r2:.3f} coverage of the 95 % interval {inside:.3f}")


if __name__ == "__main__":
    main()
