import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)


class Net(nn.Module):
    def __init__(self, n_in=10, width=64):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        h = self.act(self.inp(x))
        h = self.act(self.mid(h))
        return self.out(h).squeeze(1)


def swap_activations(module, new):
    """Return a copy of the module in which every ReLU is replaced."""
    clone = copy.deepcopy(module)
    for parent in clone.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, name, new())
    return clone


X, y = make_friedman1(n_samples=3000, noise=0.5, random_state=16)
X_train, X_test = X[:2400], X[2400:]
y_mean, y_std = y[:2400].mean(), y[:2400].std()
t_train, t_test = (y[:2400] - y_mean) / y_std, (y[2400:] - y_mean) / y_std
X_train, X_test = (X_train - 0.5) / 0.29, (X_test - 0.5) / 0.29

as_tensor = lambda a: torch.tensor(a, dtype=torch.float32)
loader = DataLoader(TensorDataset(as_tensor(X_train), as_tensor(t_train)), batch_size=40, shuffle=True)
X_test, t_test = as_tensor(X_test), as_tensor(t_test)

model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)
model = swap_activations(model, nn.SiLU)
criterion = nn.L1Loss()

for epoch in range(16):
    model.train()
    epoch_loss = []
    for features, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(features), target)
        loss.backward()
        optimizer.step()
        epoch_loss.append(loss.item())
    scheduler.step()
    if epoch % 4 == 3:
        model.eval()
        with torch.no_grad():
            pred = model(X_test)
        r2 = 1 - ((pred - t_test) ** 2).mean() / t_test.var(unbiased=False)
        print(f"epoch {epoch + 1:2d} L1 {np.mean(epoch_loss):.4f} test R2 {r2.item():.3f} lr {scheduler.get_last_lr()[0]:.4f}")
