"""Keep the best weights in memory, stop when the validation stops improving, put the best weights back."""
import copy
import math

import torch
from torch import nn
from sklearn.datasets import load_breast_cancer


class Stopper:
    def __init__(self, patience):
        self.patience, self.best, self.bad, self.kept, self.at = patience, math.inf, 0, None, 0

    def better(self, value, model, epoch):
        if value < self.best - 1e-4:
            self.best, self.bad, self.at = value, 0, epoch
            self.kept = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad < self.patience


def data():
    d = load_breast_cancer()
    x = torch.tensor(d.data, dtype=torch.float32)
    y = torch.tensor(d.target, dtype=torch.float32)
    p = torch.randperm(len(x))
    x, y = x[p], y[p]
    x = (x - x[:340].mean(0)) / x[:340].std(0)
    return [(x[a:b], y[a:b]) for a, b in ((0, 340), (340, 450), (450, 569))]


def measure(model, part):
    model.eval()
    with torch.inference_mode():
        out = model(part[0]).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(out, part[1]).item()
    return loss, ((out > 0) == part[1].bool()).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(2)
    train, val, test = data()
    model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    stopper = Stopper(patience=8)
    for epoch in range(1, 101):
        model.train()
        for idx in torch.randperm(340).split(20):
            loss = nn.functional.binary_cross_entropy_with_logits(model(train[0][idx]).squeeze(1), train[1][idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        val_loss, val_acc = measure(model, val)
        if epoch % 5 == 0:
            print(f"epoch {epoch} val loss {val_loss:.4f} accuracy {val_acc:.3f}")
        if not stopper.better(val_loss, model, epoch):
            break
    model.load_state_dict(stopper.kept)
    print(f"stopped after epoch {epoch}, best epoch {stopper.at}, val loss again {measure(model, val)[0]:.4f} (kept {stopper.best:.4f})")
    print("test loss %.4f accuracy %.3f" % measure(model, test))
