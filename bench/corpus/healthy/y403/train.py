"""Regression with uncertainty from Monte-Carlo dropout: the dropout layers stay active at prediction time."""
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(2)
X, y = load_diabetes(return_X_y=True)
x_tr, x_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, random_state=2)
sx, sy = StandardScaler().fit(x_tr), StandardScaler().fit(y_tr[:, None])
tt = lambda a: torch.tensor(a, dtype=torch.float32)
x_tr, x_te = tt(sx.transform(x_tr)), tt(sx.transform(x_te))
y_tr, y_te = tt(sy.transform(y_tr[:, None])), tt(sy.transform(y_te[:, None]))


class MCDropoutNet(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 1))

    def forward(self, x):
        return self.net(x)

    @torch.no_grad()
    def predict(self, x, samples=50):
        self.train()
        draws = torch.stack([self(x) for _ in range(samples)])
        return draws.mean(0), draws.std(0)


model = MCDropoutNet()
opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
for epoch in range(1, 61):
    total = 0.0
    for idx in torch.randperm(len(x_tr)).split(32):
        loss = nn.functional.mse_loss(model(x_tr[idx]), y_tr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    if epoch % 10 == 0:
        mean, std = model.predict(x_te)
        r2 = 1 - ((mean - y_te) ** 2).sum() / ((y_te - y_te.mean()) ** 2).sum()
        print(f"epoch {epoch} train mse {total / len(x_tr):.4f}  test R2 {r2:.4f}  mean std {std.mean():.4f}")
