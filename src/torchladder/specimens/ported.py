"""Weights that scikit-learn trained are carried over to torch and trained further on all digits."""

import warnings

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.data.astype("float32") / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target
)

warnings.simplefilter("ignore", ConvergenceWarning)
teacher = MLPClassifier((48,), max_iter=12, random_state=0).fit(x_train[:600], y_train[:600])

net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
with torch.no_grad():
    for layer, coefficients, intercepts in zip((net[0], net[2]), teacher.coefs_, teacher.intercepts_, strict=True):
        weight = torch.tensor(coefficients, dtype=torch.float32)
        layer.weight.copy_(weight.T)
        layer.bias.copy_(torch.tensor(intercepts, dtype=torch.float32))

train_loader = DataLoader(
    TensorDataset(torch.tensor(x_train), torch.tensor(y_train)), batch_size=64, shuffle=True, drop_last=True
)
test_x, test_y = torch.tensor(x_test), torch.tensor(y_test)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(10):
    net.train()
    total = 0.0
    for xb, yb in train_loader:
        loss = F.cross_entropy(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    net.eval()
    with torch.no_grad():
        right = (net(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch} loss {total / len(train_loader):.4f} test accuracy {right:.3f}")
