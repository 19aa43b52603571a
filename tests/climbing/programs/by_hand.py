# mypy: ignore-errors
"""Two layers of plain tensors, moved by hand: neither torch.nn nor torch.optim."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)

w1 = (torch.randn(64, 100) * (2 / 64) ** 0.5).requires_grad_()
b1 = torch.zeros(100, requires_grad=True)
w2 = (torch.randn(100, 10) * (1 / 100) ** 0.5).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)
parameters = [w1, b1, w2, b2]
lr = 0.3

for step in range(600):
    rows = torch.randint(len(pixels), (64,))
    hidden = torch.relu(pixels[rows] @ w1 + b1)
    loss = F.cross_entropy(hidden @ w2 + b2, labels[rows])
    loss.backward()
    with torch.no_grad():
        for p in parameters:
            p -= lr * p.grad
            p.grad.zero_()
    if step % 100 == 0:
        print(f"step {step} loss {loss.item():.4f}")
