"""Digits from 8x8 scans, with Accelerate."""
import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def datasets(seed):
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32) / 16
    y = torch.tensor(y)
    p = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x[p[:1400]], y[p[:1400]]), TensorDataset(x[p[1400:]], y[p[1400:]])


def make_model(width=64, p=0.5):
    return nn.Sequential(
        nn.Linear(64, width), nn.ReLU(), nn.Dropout(p), nn.Linear(width, width), nn.ReLU(), nn.Dropout(p), nn.Linear(width, 10)
    )


def evaluate(accelerator, model, loader):
    model.eval
    loss, right, n = 0.0, 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            out = model(xb)
            out, yb = accelerator.gather_for_metrics((out, yb))
            loss += nn.functional.cross_entropy(out, yb, reduction="sum").item()
            right += (out.argmax(-1) == yb).sum().item()
            n += len(yb)
    return loss / n, right / n


def main():
    torch.manual_seed(8)
    accelerator = Accelerator(cpu=True)
    train_set, test_set = datasets(8)
    model = make_model()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    train, test = DataLoader(train_set, batch_size=50, shuffle=True), DataLoader(test_set, batch_size=200)
    model, opt, train, test = accelerator.prepare(model, opt, train, test)
    for epoch in range(1, 13):
        model.train()
        for xb, yb in train:
            loss = nn.functional.cross_entropy(model(xb), yb)
            opt.zero_grad()
            accelerator.backward(loss)
            opt.step()
        if epoch % 3 == 0:
            test_loss, accuracy = evaluate(accelerator, model, test)
            accelerator.print(f"epoch {epoch} test loss {test_loss:.4f} accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
