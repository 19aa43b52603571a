from typing import Tuple

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def month_of_claims(rng: np.random.Generator, n: int) -> Tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(n, 14)).astype(np.float32)
    score = 0.8 * x[:, 0] + 0.7 * np.abs(x[:, 1]) - 0.6 * x[:, 2] * x[:, 3] + rng.normal(size=n)
    y = (score > np.quantile(score, 0.92)).astype(np.int64)
    return x, y


def balance(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    fraud = np.flatnonzero(y == 1)
    extra = rng.choice(fraud, size=(y == 0).sum() - len(fraud), replace=True)
    keep = np.concatenate([np.arange(len(y)), extra])
    return x[keep], y[keep]


def loader(x: np.ndarray, y: np.ndarray, batch: int, shuffle: bool) -> DataLoader:
    return DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=batch, shuffle=shuffle)


def build() -> nn.Module:
    return nn.Sequential(nn.Linear(14, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2))


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return model(torch.from_numpy(x)).argmax(1).numpy()


def rates(truth: np.ndarray, guess: np.ndarray) -> str:
    return f"recall {guess[truth == 1].mean():.3f} false alarms {guess[truth == 0].mean():.3f}"


def fit_epoch(model: nn.Module, opt: torch.optim.Optimizer, data: DataLoader) -> float:
    model.train()
    losses = []
    for xb, yb in data:
        loss: Tensor = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def main() -> None:
    torch.manual_seed(4)
    rng = np.random.default_rng(4)
    x, y = month_of_claims(rng, 3000)
    x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    x_tr, y_tr = balance(x_tr, y_tr, rng)

    train, valid = loader(x_tr, y_tr, 64, True), loader(x_va, y_va, 256, False)
    model = build()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(8):
        loss = fit_epoch(model, opt, train)
        model.eval()
        with torch.no_grad():
            guess = torch.cat([model(xb).argmax(1) for xb, _ in valid]).numpy()
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1:2d} loss {loss:.4f} valid: {rates(y_va, guess)}")

    x_new, y_new = month_of_claims(rng, 3000)
    guess = predict(model, x_new)
    print(f"next month: {rates(y_new, guess)}")


if __name__ == "__main__":
    main()
