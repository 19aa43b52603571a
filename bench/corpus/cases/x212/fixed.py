import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Gauss(nn.Module):
    """Predicts a mean and the logarithm of a variance."""

    def __init__(self, n_in, hidden):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, hidden), nn.Tanh())
        self.mean = nn.Linear(hidden, 1)
        self.log_var = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h).squeeze(-1), self.log_var(h).squeeze(-1)


def gaussian_loss(mean, log_var, target):
    return 0.5 * ((target - mean) ** 2 * torch.exp(-log_var) + log_var).mean()


def folds(n, k, seed):
    order = np.random.RandomState(seed).permutation(n)
    for part in np.array_split(order, k):
        yield np.setdiff1d(order, part), part


def fit(x, y, epochs=40):
    net = Gauss(x.shape[1], 16)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=1e-4)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    curve = []
    for _ in range(epochs):
        net.train()
        total = 0.0
        for xb, yb in loader:
            loss = gaussian_loss(*net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(xb)
        curve.append(total / len(x))
    return net, curve


def main():
    torch.manual_seed(2)
    X, y = load_diabetes(return_X_y=True)
    X, y = torch.tensor(X).float(), torch.tensor(y).float()
    scores = []
    for fold, (tr, te) in enumerate(folds(len(X), 4, 2)):
        xm, xs, ym, ys = X[tr].mean(0), X[tr].std(0), y[tr].mean(), y[tr].std()
        net, curve = fit((X[tr] - xm) / xs, (y[tr] - ym) / ys)
        net.eval()
        with torch.no_grad():
            mean, log_var = net((X[te] - xm) / xs)
        z = (y[te] - ym) / ys
        r2 = 1 - ((z - mean) ** 2).sum() / ((z - z.mean()) ** 2).sum()
        sigma = torch.exp(0.5 * log_var)
        scores.append(r2.item())
        print(f"fold {fold} loss {curve[0]:.3f} -> {curve[-1]:.3f}  R2 {r2:.3f}  median sigma {sigma.median():.3g}")
    print(f"mean R2 {np.mean(scores):.3f}")


main()
