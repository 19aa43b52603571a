"""How many cycles are left? Remaining life of a pump from its last readings."""
import numpy as np
import torch
from torch import nn

CFG = dict(seq_len=30, sensors=6, hidden=32, layers=2, lr=2e-3, batch=50, epochs=10, seed=8)


class LifeModel(nn.Module):
    def __init__(self, sensors, hidden, layers):
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.norm = nn.LayerNorm(sensors)
        self.lstm = nn.LSTM(sensors, hidden, num_layers=layers, batch_first=True)
        self.regressor = nn.Sequential(nn.Linear(hidden, 32), nn.ReLU(), nn.Linear(32, 1))

    def init_state(self, batch_size):
        shape = (self.layers, batch_size, self.hidden)
        return torch.zeros(shape), torch.zeros(shape)

    def forward(self, readings):
        h, c = self.init_state(readings.size(0))
        outputs, state = self.lstm(self.norm(readings), (h, c))
        return self.regressor(h[-1]).squeeze(-1)


def simulate(n, seed, seq_len, sensors):
    rng = np.random.default_rng(seed)
    wear = rng.uniform(0, 1, n)
    t = np.linspace(-1, 0, seq_len)
    level = np.clip(wear[:, None] + 0.4 * t, 0, None) ** 1.5
    sign = np.array([1.0, -1.0, 0.6, 0.0, -0.4, 0.0])[:sensors]
    x = level[:, :, None] * sign + 0.12 * rng.normal(size=(n, seq_len, sensors))
    life = 1.0 - wear + 0.02 * rng.normal(size=n)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(2 * (life - 0.5), dtype=torch.float32)


def batches(x, y, size):
    for idx in torch.randperm(len(x)).split(size):
        yield x[idx], y[idx]


def main(cfg):
    torch.manual_seed(cfg["seed"])
    x, y = simulate(2500, 1, cfg["seq_len"], cfg["sensors"])
    x_val, y_val = simulate(500, 2, cfg["seq_len"], cfg["sensors"])
    model = LifeModel(cfg["sensors"], cfg["hidden"], cfg["layers"])
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
    loss_fn = nn.MSELoss()
    for epoch in range(cfg["epochs"]):
        model.train()
        losses = []
        for xb, yb in batches(x, y, cfg["batch"]):
            loss = loss_fn(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            error = (model(x_val) - y_val).square().mean()
        r2 = 1 - error / y_val.var()
        print(f"epoch {epoch}: train mse {np.mean(losses):.4f} val mse {error.item():.4f} R2 {r2.item():.3f}")


main(CFG)
