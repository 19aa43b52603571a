"""Wear of a bearing from vibration windows: an estimator with fit and predict."""
import numpy as np
import torch
from torch import nn

LEVELS = ["new", "used", "worn"]


def vibration(n, seed):
    r = np.random.default_rng(seed)
    level = r.integers(0, 3, n)
    t = np.arange(64)
    wave = np.sin(2 * np.pi * t * r.uniform(0.05, 0.2, (n, 1)) + r.uniform(0, 6.28, (n, 1)))
    power = np.array([0.5, 1.0, 1.8])[level][:, None] * r.uniform(0.8, 1.2, (n, 1))
    return (power * wave + 0.2 * r.normal(size=(n, 64))).astype("float32"), level


class Estimator:
    def __init__(self, epochs=10, batch=40, lr=3e-3, seed=0):
        self.epochs, self.batch, self.lr = epochs, batch, lr
        torch.manual_seed(seed)
        self.module_ = nn.Sequential(
            nn.Conv1d(1, 12, 5, padding=2), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(12, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(), nn.AdaptiveAvgPool1d(1),
            nn.Flatten(), nn.Linear(16, len(LEVELS)),
        )

    def fit(self, x, y):
        x, y = torch.from_numpy(x).unsqueeze(1), torch.from_numpy(y)
        opt = torch.optim.Adam(self.module_.parameters(), lr=self.lr)
        for epoch in range(self.epochs):
            self.module_.train()
            right = 0
            for idx in torch.randperm(len(x)).split(self.batch):
                out = self.module_(x[idx])
                loss = nn.functional.cross_entropy(out, y[idx])
                opt.zero_grad()
                loss.backward()
                opt.step()
                right += (out.argmax(1) == y[idx]).sum().item()
            print(f"epoch {epoch + 1} loss {loss.item():.3f} accuracy on the fit {right / len(x):.3f}")
        return self

    def predict_one(self, window):
        """The windows arrive one by one from the sensor."""
        with torch.no_grad():
            return int(self.module_(torch.from_numpy(window).view(1, 1, -1)).argmax())

    def predict(self, windows):
        return np.array([self.predict_one(w) for w in windows])


if __name__ == "__main__":
    model = Estimator().fit(*vibration(1200, 0))
    x, y = vibration(400, 1)
    print(f"accuracy on the stream {np.mean(model.predict(x) == y):.3f}")
