"""Monte Carlo dropout on the diabetes data: mean and spread of the target, with the coverage of the intervals."""
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Uncertain(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(p))
        self.mean, self.log_var = nn.Linear(64, 1), nn.Linear(64, 1)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h).squeeze(1), self.log_var(h).squeeze(1)


@torch.no_grad()
def sample_predictions(model, x, times=40):
    model.train()  # the dropout masks are the samples of the posterior
    means, variances = zip(*((m, v.exp()) for m, v in (model(x) for _ in range(times))))
    means = torch.stack(means)
    return means.mean(0), (torch.stack(variances).mean(0) + means.var(0)).sqrt()


def main():
    torch.manual_seed(0)
    d = load_diabetes()
    p = torch.randperm(len(d.target))
    x = torch.tensor(d.data, dtype=torch.float32)[p] / 0.0476
    y = torch.tensor(d.target, dtype=torch.float32)[p]
    y = (y - y[:342].mean()) / y[:342].std()
    loader = DataLoader(TensorDataset(x[:342], y[:342]), batch_size=38, shuffle=True)
    model = Uncertain()
    nll = nn.GaussianNLLLoss()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    for epoch in range(1, 41):
        model.train()
        for xb, yb in loader:
            m, v = model(xb)
            loss = nll(m, yb, v.exp())
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 10 == 0:
            mean, sd = sample_predictions(model, x[342:])
            rmse = (mean - y[342:]).square().mean().sqrt().item()
            inside = ((mean - y[342:]).abs() < 1.64 * sd).float().mean().item()
            print(f"epoch {epoch} rmse {rmse:.3f} inside the 90 % interval {inside:.2f}")


main()
